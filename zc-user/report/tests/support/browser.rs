//! Headless Chromium, driven through two pipes (the DevTools protocol): what a page asks for, what it says on the
//! console, and how wide it is.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use zc_test_support::requirement::{Skip, program};

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: String,
    /// Messages so far: each has a number.
    sent: u64,
    /// What the browser reported of its own accord since it was last looked at.
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts one.
    pub(crate) fn start() -> Result<Self, Skip> {
        let browser = program("chromium-headless-shell").or_else(|_| program("chromium"))?;
        let profile = tempfile::tempdir().unwrap();
        // The browser talks through descriptors 3 and 4. One that hangs is ended.
        let mut child = Command::new("sh")
            .args(["-c", "exec timeout 300 \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1"])
            .arg(browser)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(["--remote-debugging-pipe", "about:blank"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut browser = Self {
            child,
            input,
            output: BufReader::new(output),
            session: String::new(),
            sent: 0,
            events: Vec::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", &attach);
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Network", "Log", "Runtime"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Ok(browser)
    }

    /// Opens a file in a window of this width, for readers of this colour scheme.
    pub(crate) fn open(&mut self, file: &Path, width: u32, scheme: &str) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let scheme = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": scheme }));
        self.events.clear();
        let url = format!("file://{}", file.display());
        self.call("Page.navigate", &json!({ "url": url }));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.read();
            self.events.push(event);
        }
    }

    /// The addresses that the page has asked for, its own among them.
    pub(crate) fn requests(&self) -> Vec<String> {
        let address =
            |event: &Value| event["params"]["request"]["url"].as_str().unwrap().to_owned();
        self.of(&["Network.requestWillBeSent"]).map(address).collect()
    }

    /// What is on the console, errors and what the policy of the page forbade among it.
    pub(crate) fn console(&self) -> Vec<String> {
        self.of(&["Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"])
            .map(|event| event["params"].to_string())
            .collect()
    }

    fn of(&self, methods: &'static [&'static str]) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(|event| methods.iter().any(|method| event["method"] == *method))
    }

    /// What an expression of the page's own world is.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true });
        self.call("Runtime.evaluate", &asked)["result"]["value"].clone()
    }

    /// A picture of what is seen: PNG in base64.
    pub(crate) fn picture(&mut self) -> String {
        let picture = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        picture["data"].as_str().unwrap().to_owned()
    }

    /// Pages that it has on paper: PDF in base64.
    pub(crate) fn print(&mut self) -> String {
        let printed = self.call("Page.printToPDF", &json!({ "printBackground": true }));
        printed["data"].as_str().unwrap().to_owned()
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.input.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut answer = self.read();
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    fn read(&mut self) -> Value {
        let mut message = Vec::new();
        self.output.read_until(0, &mut message).unwrap();
        assert_eq!(message.pop(), Some(0), "the browser has ended");
        serde_json::from_slice(&message).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let close = json!({ "id": 0, "method": "Browser.close" });
        let _ = self.input.write_all(format!("{close}\0").as_bytes());
        let mut rest = Vec::new();
        let _ = std::io::Read::read_to_end(&mut self.output, &mut rest);
        let _ = self.child.wait();
    }
}
