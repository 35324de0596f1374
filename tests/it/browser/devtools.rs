//! A headless Chromium, driven over its own protocol: messages that end with a zero byte,
//! through two named pipes that the browser finds as its descriptors 3 and 4.

use std::{
    env, fs,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than any answer takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(90);

/// The browser with one page. It ends with this value.
pub struct Browser {
    process: Child,
    commands: File,
    messages: mpsc::Receiver<Value>,
    session: Option<String>,
    number: u64,
    /// What the page did since it was opened.
    events: Vec<Value>,
    _profile: TempDir,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub theme: &'static str,
    pub media: &'static str,
    /// In pixels.
    pub width: u32,
}

impl Browser {
    /// `None`, which is said, where there is no Chromium and none is required.
    pub fn start() -> Option<Self> {
        let is_there = |name: &&str| {
            let version = Command::new(name).arg("--version").output();
            version.is_ok_and(|output| output.status.success())
        };
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let Some(name) = names.into_iter().find(is_there) else {
            let is_required = env::var_os("DYNO_REQUIRE_CHROMIUM").is_some();
            assert!(!is_required, "Chromium is required but absent");
            println!("SKIPPED: no Chromium on this machine");
            return None;
        };
        let profile = TempDir::new().unwrap();
        let pipe = |name: &str| {
            let path = profile.path().join(name);
            assert!(
                Command::new("mkfifo")
                    .arg(&path)
                    .status()
                    .unwrap()
                    .success()
            );
            path
        };
        let (commands, messages) = (pipe("commands"), pipe("messages"));
        let process = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<commands 4>messages"#, name])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args(["--hide-scrollbars", "--disable-background-networking"])
            .args(["--disable-component-update", "--disable-sync"])
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .current_dir(profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // In this order: each waits for the shell to open its other end.
        let commands = File::options().write(true).open(commands).unwrap();
        let messages = BufReader::new(File::open(messages).unwrap());
        let mut browser = Self {
            process,
            commands,
            messages: read(messages),
            session: None,
            number: 0,
            events: Vec::new(),
            _profile: profile,
        };
        let page = browser.ask("Target.createTarget", json!({"url": "about:blank"}));
        let page = json!({"targetId": page["targetId"], "flatten": true});
        let session = browser.ask("Target.attachToTarget", page);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Opens a file, and forgets what the last page did.
    pub fn open(&mut self, file: &Path, look: Look) {
        let Look {
            theme,
            media,
            width,
        } = look;
        let scheme = json!([{"name": "prefers-color-scheme", "value": theme}]);
        self.ask(
            "Emulation.setEmulatedMedia",
            json!({"media": media, "features": scheme}),
        );
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", size);
        self.events.clear();
        let url = format!("file://{}", file.display());
        self.ask("Page.navigate", json!({"url": url}));
        while !self
            .events
            .iter()
            .any(|event| event["method"] == "Page.loadEventFired")
        {
            let event = self.next();
            self.events.push(event);
        }
    }

    /// Whether the scripts of pages run; ours do in any case.
    pub fn allow_scripts(&mut self, allowed: bool) {
        let disabled = json!({"value": !allowed});
        self.ask("Emulation.setScriptExecutionDisabled", disabled);
    }

    /// What a script comes to.
    pub fn evaluate(&mut self, script: &str) -> Value {
        let asked = json!({"expression": script, "returnByValue": true});
        let answer = self.ask("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{answer}");
        answer["result"]["value"].clone()
    }

    /// Everything that was said on the console, exceptions and refusals of the policy included.
    pub fn console(&self) -> Vec<&Value> {
        let methods = [
            "Runtime.consoleAPICalled",
            "Runtime.exceptionThrown",
            "Log.entryAdded",
        ];
        let events = self.events.iter();
        events
            .filter(|event| methods.iter().any(|method| event["method"] == *method))
            .collect()
    }

    /// Addresses of everything that was asked for, the page itself first.
    pub fn requests(&self) -> Vec<&str> {
        let events = self.events.iter();
        events
            .filter(|event| event["method"] == "Network.requestWillBeSent")
            .filter_map(|event| event["params"]["request"]["url"].as_str())
            .collect()
    }

    /// Names of what a screen reader tells of as pictures.
    pub fn names_of_images(&mut self) -> Vec<String> {
        let tree = self.ask("Accessibility.getFullAXTree", json!({}));
        let nodes = tree["nodes"].as_array().unwrap().iter();
        nodes
            .filter(|node| node["ignored"] == false && node["role"]["value"] == "image")
            .map(|node| {
                node["name"]["value"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }

    /// Moves the pointer, in pixels of the window.
    pub fn point_at(&mut self, x: f64, y: f64) {
        let moved = json!({"type": "mouseMoved", "x": x, "y": y});
        self.ask("Input.dispatchMouseEvent", moved);
    }

    /// Presses and releases a key: `ArrowRight`.
    pub fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.ask("Input.dispatchKeyEvent", json!({"type": kind, "key": key}));
        }
    }

    /// Keeps a picture of the whole page if `DYNO_SCREENSHOTS` names a folder.
    pub fn picture(&mut self, name: &str) {
        let Some(folder) = env::var_os("DYNO_SCREENSHOTS") else {
            return;
        };
        let whole = json!({"captureBeyondViewport": true});
        let shot = self.ask("Page.captureScreenshot", whole);
        let bytes = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        fs::create_dir_all(&folder).unwrap();
        fs::write(Path::new(&folder).join(format!("{name}.png")), bytes).unwrap();
    }

    /// Sends a command and waits for its result.
    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.number += 1;
        let mut command = json!({"id": self.number, "method": method});
        command["params"] = parameters;
        if let Some(session) = &self.session {
            command["sessionId"] = session.as_str().into();
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        self.commands.write_all(&bytes).unwrap();
        loop {
            let mut message = self.next();
            if message["id"] == self.number {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            self.events.push(message);
        }
    }

    fn next(&self) -> Value {
        let message = self.messages.recv_timeout(PATIENCE);
        message.expect("the browser answers")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads on a thread of its own, so that a browser that hangs does not hang the test.
fn read(mut messages: BufReader<File>) -> mpsc::Receiver<Value> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        while messages
            .read_until(0, &mut bytes)
            .is_ok_and(|count| count > 0)
        {
            bytes.pop();
            let message = serde_json::from_slice(&bytes).expect("a message is JSON");
            bytes.clear();
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}
