# A repository: filled, packed, cloned.
export HOME="$PWD"
git init -q one
cd one
git config user.name zc
git config user.email zc@example.org
for n in 1 2 3; do
    seq 1 $((20011 * n)) >numbers
    head -c 300007 /dev/urandom >noise
    git add .
    git commit -q -m "$n"
done
git gc -q
cd ..
git clone -q --no-local one two
