# A proxy in front of nginx, without and with splice.
head -c 3000017 /dev/urandom >file
cat >nginx.conf <<CONF
daemon off; pid nginx.pid; error_log stderr crit;
events {}
http { access_log off; sendfile on; client_body_temp_path .; proxy_temp_path .; fastcgi_temp_path .;
  uwsgi_temp_path .; scgi_temp_path .;
  server { listen 127.0.0.1:8080; root .; } }
CONF
nginx -p "$PWD" -c "$PWD/nginx.conf" &
nginx=$!
for splice in "" "option splice-request
  option splice-response"; do
    cat >haproxy.cfg <<CONF
global
  nbthread 2
defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
  $splice
listen front
  bind 127.0.0.1:8081
  server back 127.0.0.1:8080
CONF
    haproxy -db -f haproxy.cfg &
    await curl -sf -o /dev/null http://127.0.0.1:8081/nginx.conf
    for n in 1 2 3 4 5; do curl -sf -o /dev/null http://127.0.0.1:8081/file; done
    kill $!
    wait $!
done
kill $nginx
wait $nginx
