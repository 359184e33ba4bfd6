# Values of many sizes.
memcached -u daemon -l 127.0.0.1 -p 11290 -t 2 &
server=$!
cat >client.py <<'PY'
import socket, sys
peer = socket.create_connection(("127.0.0.1", 11290))
lines = peer.makefile("rb")
for size in (1, 107, 4099, 65537, 500009):
    for n in range(23):
        peer.sendall(b"set k%d 0 0 %d\r\n" % (n, size) + b"x" * size + b"\r\n")
        assert lines.readline() == b"STORED\r\n"
        peer.sendall(b"get k%d\r\n" % n)
        lines.readline()
        assert len(lines.read(size + 7)) == size + 7
PY
await python3 -c 'import socket; socket.create_connection(("127.0.0.1", 11290))'
python3 client.py
kill $server
wait $server
