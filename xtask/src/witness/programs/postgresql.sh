# A database: made, filled, read, dumped.
chown -R daemon .
as() { setpriv --reuid=daemon --regid=daemon --clear-groups "$@"; }
PATH=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb /usr/local/bin/initdb 2>/dev/null | head -n 1)"):$PATH
as initdb -D data -U zc -A trust --no-sync
# Not by the function: the shell would be in between, and would get the signal.
setpriv --reuid=daemon --regid=daemon --clear-groups postgres -D data -c log_min_messages=fatal -c unix_socket_directories="$PWD" -c listen_addresses= &
server=$!
sql() { as psql -h "$PWD" -U zc -q -X postgres "$@"; }
await sql -c 'select 1'
sql -c 'create table t (n int, x text); insert into t select n, repeat(md5(n::text), 7) from generate_series(1, 20011) n'
sql -c 'create index on t (x)' -c 'select count(distinct x) from t' >/dev/null
sql -c "\\copy t to dump"
kill -INT $server
wait $server
