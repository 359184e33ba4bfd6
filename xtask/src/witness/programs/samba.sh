# A share: a file put and taken.
mkdir share state
head -c 3000017 /dev/urandom >file
cat >smb.conf <<CONF
[global]
  server role = standalone server
  map to guest = bad user
  guest account = root
  lock directory = $PWD/state
  state directory = $PWD/state
  cache directory = $PWD/state
  private dir = $PWD/state
  pid directory = $PWD/state
  ncalrpc dir = $PWD/state/ncalrpc
  log file = /dev/null
  smb ports = 4450
  interfaces = lo
  load printers = no
  disable spoolss = yes
[share]
  path = $PWD/share
  guest ok = yes
  read only = no
CONF
# On its way out it ends all processes of its group.
setsid smbd -F --no-process-group -s smb.conf &
server=$!
client() { smbclient -s smb.conf -N -p 4450 //127.0.0.1/share -c "$1"; }
await client ls
client 'put file; get file got; del file'
cmp file got
kill $server
wait $server || [ $? = 143 ]
