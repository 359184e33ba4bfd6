# Makes the sample recordings, in a guest of `cargo xtask vm` whose kernel lets zc measure copies:
#   cargo xtask vm --kernel 6.12 --run "$(cat samples/record.sh)"
#   cp target/vm/6.12/results/*.zc samples/
set -e
cd /tmp
mkdir -p www
head -c 8388593 /dev/zero >www/large
head -c 65537 /dev/zero >www/small

# Asks for the files, one connection each, so often.
cat >client.py <<'EOF'
import socket, sys
for path in [b'/large', b'/small', b'/small'] * int(sys.argv[1]):
    with socket.create_connection((b'127.0.0.1', 8080)) as client:
        client.sendall(b'GET ' + path + b' HTTP/1.0\r\n\r\n')
        while client.recv(1 << 16):
            pass
EOF

# Tries so long until it works, and says why not in the end.
until_done() {
    for try in $(seq 200); do
        "$@" 2>/tmp/why && return
        sleep 0.2
    done
    cat /tmp/why /tmp/error.log
    kill "$nginx"
    exit 1
}

server() {
    cat >nginx.conf <<EOF
daemon off; user root; worker_processes 1; pid /tmp/nginx.pid; error_log /tmp/error.log;
events { worker_connections 64; }
http {
    access_log off; sendfile $1; tcp_nopush on;
    client_body_temp_path /tmp/t1; proxy_temp_path /tmp/t2; fastcgi_temp_path /tmp/t3;
    uwsgi_temp_path /tmp/t4; scgi_temp_path /tmp/t5;
    server { listen 127.0.0.1:8080; root /tmp/www; }
}
EOF
    nginx -c /tmp/nginx.conf -p /tmp &
    nginx=$!
    until_done python3 client.py 1
}

# FILE SENDFILE: what a server does for the same clients.
of_server() {
    server "$2"
    zc record -o "$ZC_VM_RESULTS/$1" -i 0.5 -p "$nginx" --objects --label "sendfile=$2" &
    recorder=$!
    until_done zc mark "$ZC_VM_RESULTS/$1" 'clients begin'
    python3 client.py 20
    zc mark "$ZC_VM_RESULTS/$1" 'clients end'
    sleep 1.5
    kill -INT "$recorder"
    wait "$recorder"
    kill "$nginx"
    wait "$nginx" || true
}

of_server nginx-before.zc off
of_server nginx-after.zc on

# One way to send a file after the other.
zc record -o "$ZC_VM_RESULTS/lab.zc" -i 0.25 &
recorder=$!
until_done zc mark "$ZC_VM_RESULTS/lab.zc" 'the lab begins'
for mechanism in read_write mmap_write sendfile splice; do
    zc mark "$ZC_VM_RESULTS/lab.zc" "$mechanism"
    zc lab run "$mechanism" --size 33554393 --repeat 1 >/dev/null || true
done
kill -INT "$recorder"
wait "$recorder"
ls -l "$ZC_VM_RESULTS"
