# Small requests, large values, and a dump.
redis-server --port 6390 --save '' --dir "$PWD" --loglevel warning &
server=$!
await redis-cli -p 6390 ping
redis-benchmark -p 6390 -q -n 2003 -c 7 -t set,get,lpush -d 107
redis-benchmark -p 6390 -q -n 101 -c 3 -t set,get -d 100003
redis-cli -p 6390 bgsave
redis-cli -p 6390 shutdown nosave
wait $server
