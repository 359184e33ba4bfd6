#!/busybox sh
# Process 1 of a guest: makes it resemble a Debian system, runs the tests, hands over what they
# left, and switches the guest off. Whoever started it reads /dev/ttyS1, to which the kernel says
# nothing; lines that begin with "zc-vm: " are from here.

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
ln -s /proc/self/fd /dev/fd

stty -F /dev/ttyS1 raw -echo
exec </dev/null >/dev/ttyS1 2>&1
hostname -F /etc/hostname
ip link set lo up
# An emulated machine is slow to acknowledge, and what is sent twice is copied twice.
echo 0 >/proc/sys/net/ipv4/tcp_early_retrans
# Not the ip of this shell, which has only part of it.
/bin/ip route change table local \
    local 127.0.0.1 dev lo src 127.0.0.1 proto kernel scope host rto_min 10s ||
    echo "zc-vm: TCP may send things twice"
modprobe -a $(cat /modules) || echo "zc-vm: not all devices have their driver"
ulimit -Hn 524288

# The disk with this serial number. The paths to an NVMe disk, where there are several, carry it, too.
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

# Files are where files usually are: on a disk, in a file system.
if mkfs.ext4 -q -F "$files" >/run/mkfs 2>&1 && mount -t ext4 "$files" /mnt; then
    while read -r directory; do
        mkdir -p "$directory" "/mnt/$directory"
        # Within the one before.
        [ "$directory" -ef "/mnt/$directory" ] && continue
        # The tests themselves, if that is where they were built.
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
# Not to the terminal itself: programs would see one.
# In the scheduling class of real time, without time slices: where programs can be preempted by other
# threads (since 6.18 those at functions, since 7.2 those at calls), runs of them are missed, which
# zc counts as losses, and a busy emulated machine would have them in every test.
{ chrt -f 1 sh /tests.sh; echo $? >/run/status; } 2>&1 | cat
dmesg >/results/dmesg
tar -C /results -cf "$results" .
sync
echo "zc-vm: done $(cat /run/status)"
poweroff -f
