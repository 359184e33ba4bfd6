# Files with sendfile off and on, to clients over loopback.
head -c 1000003 /dev/urandom >file
for sendfile in off on; do
    cat >nginx.conf <<CONF
daemon off; pid nginx.pid; error_log stderr crit; worker_processes 2;
events {}
http { access_log off; sendfile $sendfile; client_body_temp_path .; proxy_temp_path .; fastcgi_temp_path .;
  uwsgi_temp_path .; scgi_temp_path .;
  server { listen 127.0.0.1:8080; root .; } }
CONF
    nginx -p "$PWD" -c "$PWD/nginx.conf" &
    await curl -sf -o /dev/null http://127.0.0.1:8080/nginx.conf
    for n in 1 2 3 4 5 6 7 8 9 10 11 12 13; do curl -sf -o /dev/null http://127.0.0.1:8080/file; done
    kill $!
    wait $!
done
