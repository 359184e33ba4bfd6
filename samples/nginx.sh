# Records nginx-before.zc and nginx-after.zc into this directory, as root, with zc and nginx on the PATH.
set -e
samples=$(cd "$(dirname "$0")" && pwd)
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
mkdir www
head -c 8388593 /dev/zero >www/large
head -c 65537 /dev/zero >www/small

# Asks for the files, one connection each, so often, some dozen times a second.
cat >client.py <<'EOF'
import socket, sys, time
for path in [b'/large', b'/small', b'/small'] * int(sys.argv[1]):
    with socket.create_connection(('127.0.0.1', 8080)) as client:
        client.sendall(b'GET ' + path + b' HTTP/1.0\r\n\r\n')
        while client.recv(1 << 16):
            pass
    time.sleep(0.06)
EOF

# Tries so long until it works, and says why not in the end.
until_done() {
    for try in $(seq 200); do
        "$@" 2>why && return
        sleep 0.2
    done
    cat why error.log
    exit 1
}

# FILE SENDFILE: what a server does for the same clients.
of_server() {
    cat >nginx.conf <<EOF
daemon off; user root; worker_processes 1; pid $directory/nginx.pid; error_log $directory/error.log;
events { worker_connections 64; }
http {
    access_log off; sendfile $2; tcp_nopush on;
    client_body_temp_path $directory/t1; proxy_temp_path $directory/t2; fastcgi_temp_path $directory/t3;
    uwsgi_temp_path $directory/t4; scgi_temp_path $directory/t5;
    server { listen 127.0.0.1:8080; root $directory/www; }
}
EOF
    nginx -c "$directory/nginx.conf" -p "$directory" &
    nginx=$!
    until_done python3 client.py 1
    zc record -o "$samples/$1" -i 0.5 -p "$nginx" --objects --label "sendfile=$2" &
    recorder=$!
    until_done zc mark "$samples/$1" 'clients begin'
    python3 client.py 100
    zc mark "$samples/$1" 'clients end'
    sleep 1
    kill -INT "$recorder"
    wait "$recorder"
    kill "$nginx"
    wait "$nginx" || true
}

of_server nginx-before.zc off
of_server nginx-after.zc on
