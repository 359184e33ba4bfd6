# Records lab.zc, in a guest of `cargo xtask vm` whose kernel lets zc measure copies:
#   cargo xtask vm --kernel 6.12 --run "$(cat samples/lab.sh)"
#   cp target/vm/6.12/results/lab.zc samples/
set -e
cd /tmp
# Tries so long until it works, and says why not in the end.
until_done() {
    for try in $(seq 200); do
        "$@" 2>/tmp/why && return
        sleep 0.2
    done
    cat /tmp/why
    exit 1
}

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
