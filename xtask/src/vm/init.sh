#!/busybox sh
# Process 1 of a guest: sets it up like a Debian system, runs the tests, writes their results to a
# disk, and powers the guest off. The host reads /dev/ttyS1, which the kernel does not use for its
# console; lines that begin with "zc-vm: " are from this script.

/busybox --install -s /applets
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/applets
export HOME=/root LC_ALL=C.UTF-8 NO_COLOR=1

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd

stty -F /dev/ttyS1 raw -echo
exec </dev/null >/dev/ttyS1 2>&1
hostname -F /etc/hostname
ip link set lo up
# An emulated machine acknowledges late, and a segment that TCP sends again is copied again.
echo 0 >/proc/sys/net/ipv4/tcp_early_retrans
# Not the ip of busybox, which lacks this option.
/bin/ip route change table local \
    local 127.0.0.1 dev lo src 127.0.0.1 proto kernel scope host rto_min 10s ||
    echo "zc-vm: TCP may send segments again"
modprobe -a $(cat /modules) || echo "zc-vm: some devices have no driver"
ulimit -Hn 524288

# Prints the disk with this serial number. Paths to an NVMe disk have the same number.
disk() {
    for name in $(ls /sys/block); do
        [ -b /dev/$name ] || continue
        for file in /sys/block/$name/serial /sys/block/$name/device/serial; do
            [ -e $file ] && [ "$(tr -d ' \n' <$file)" = "$1" ] && echo /dev/$name
        done
    done
}
files=$(disk zc-nvme)
results=$(disk zc-results)

# Tests use a file system on a disk, not the memory of the initramfs.
if mkfs.ext4 -q -F "$files" >/run/mkfs 2>&1 && mount -t ext4 "$files" /mnt; then
    while read -r directory; do
        mkdir -p "$directory" "/mnt/$directory"
        # Inside the previous directory.
        [ "$directory" -ef "/mnt/$directory" ] && continue
        # May contain the tests themselves.
        cp -a "$directory/." "/mnt/$directory"
        mount --bind "/mnt/$directory" "$directory"
    done </on-disk
    chmod 1777 /tmp /var/tmp
else
    cat /run/mkfs
    echo "zc-vm: no file system on the disk '$files'"
fi

echo "zc-vm: up $(cut -d' ' -f1 /proc/uptime) $(uname -r)"
export ZC_VM_RESULTS=/results
cd /tmp
# Through a pipe: the output of the tests must not be a terminal.
# As real-time threads (FIFO), which have no time slices: where other threads can preempt an eBPF program
# (since 6.18 at functions, since 7.2 at system calls), the kernel skips further runs of it. zc counts
# these as losses, and a busy emulated machine would have some in every test.
{ chrt -f 1 sh /tests.sh; echo $? >/run/status; } 2>&1 | cat
dmesg >/results/dmesg
tar -C /results -cf "$results" .
sync
echo "zc-vm: done $(cat /run/status)"
poweroff -f
