# Images, through the page cache and past it.
head -c 5242880 /dev/urandom >raw
truncate -s 20971520 raw
qemu-img convert -f raw -O qcow2 raw one.qcow2
qemu-img convert -f qcow2 -O raw -t none -T none one.qcow2 two
qemu-img compare -f qcow2 -F raw one.qcow2 two
