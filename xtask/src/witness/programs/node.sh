# A file server with streams, and a copy of a file.
head -c 2000003 /dev/urandom >file
cat >server.js <<'JS'
const fs = require("fs"), http = require("http");
fs.copyFileSync("file", "copy");
const server = http.createServer((_, answer) => fs.createReadStream("file").pipe(answer));
server.listen(8083, "127.0.0.1", () => {
  http.get("http://127.0.0.1:8083", (answer) => {
    answer.pipe(fs.createWriteStream("got")).on("finish", () => server.close());
  });
});
JS
node server.js
cmp file got
