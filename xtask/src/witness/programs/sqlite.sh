# A database in a file, with a journal and with a log.
{
    echo 'create table t (n integer primary key, x text);'
    echo 'with recursive c(n) as (values(1) union all select n + 1 from c where n < 20011) insert into t select n, hex(randomblob(53)) from c;'
    echo 'pragma journal_mode = wal;'
    echo 'update t set x = lower(x) where n % 3 = 0; create index i on t (x); vacuum;'
} | sqlite3 base
sqlite3 base 'select count(distinct x) from t'
