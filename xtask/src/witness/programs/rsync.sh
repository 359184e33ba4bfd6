# A tree, copied, changed, and copied again.
mkdir from
for n in 1 2 3 4 5 6 7; do head -c 200003 /dev/urandom >from/$n; done
rsync -a from/ to
head -c 100003 /dev/urandom | dd of=from/3 bs=1007 seek=17 conv=notrunc status=none
rsync -a --checksum --no-whole-file from/ to
