//! `dyno emulate` as a process.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Stdio},
};

use serde_json::json;

use crate::{
    cli::{Run, code, stderr},
    emulator::raw,
};

/// An emulator that is killed at the end.
pub struct Serving {
    child: Child,
    pub endpoint: String,
}

impl Serving {
    pub fn start(run: &Run, arguments: &[&str]) -> Self {
        let mut child = run
            .command(&[&["emulate"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("it says where it listens");
        let endpoint = line.trim().to_owned();
        Self { child, endpoint }
    }

    /// What it said on stderr until it was ended.
    fn end(mut self) -> String {
        self.child.kill().expect("it runs");
        let mut said = String::new();
        let mut errors = self.child.stderr.take().expect("piped");
        errors.read_to_string(&mut said).expect("text");
        said
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have been ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn it_governs_by_the_model_of_a_scenario() {
    let run = Run::new();
    let path = run.short("1s", "100 %");
    let scenario = std::fs::read_to_string(&path).expect("written above");
    run.scenario(&format!(
        "{scenario}\n[model]\nas_update_lag_seconds = \"0s\"\n"
    ));
    let serving = Serving::start(&run, &["--model", &path]);
    let call = async |operation: &str, write: u32| {
        let mut body = json!({"TableName": "Users",
            "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": write}});
        if operation == "CreateTable" {
            body["AttributeDefinitions"] = json!([{"AttributeName": "id", "AttributeType": "S"}]);
            body["KeySchema"] = json!([{"AttributeName": "id", "KeyType": "HASH"}]);
        }
        raw::call(&serving.endpoint, operation, &body).await
    };
    assert_eq!(call("CreateTable", 1).await.status, 200);
    // Without the model's lag the second one would find the first under way.
    for write in [2, 3] {
        let updated = call("UpdateTable", write).await;
        assert_eq!(updated.status, 200, "{}", updated.json());
        assert_eq!(updated.json()["TableDescription"]["TableStatus"], "ACTIVE");
    }
    let said = serving.end();
    assert!(said.contains("model: as_update_lag_seconds = 0"), "{said}");
}

#[test]
fn a_model_that_is_none_is_said_before_anything_is_served() {
    let run = Run::new();
    let scenario = run.scenario("name = \"none\"\n[model]\nburst = \"1s\"\n");
    let output = run.dyno(&["emulate", "--model", &scenario]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("burst"), "{}", stderr(&output));
}

#[tokio::test]
async fn it_governs_another_server_and_says_which() {
    let run = Run::new();
    let behind = Serving::start(&run, &["--ungoverned"]);
    let serving = Serving::start(&run, &["--upstream", &behind.endpoint]);
    let body = json!({"TableName": "Users",
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]});
    let created = raw::call(&serving.endpoint, "CreateTable", &body).await;
    assert_eq!(created.status, 200, "{}", created.json());
    let listed = raw::call(&behind.endpoint, "ListTables", &json!({})).await;
    assert_eq!(listed.json(), json!({"TableNames": ["Users"]}));
    let said = serving.end();
    assert!(said.contains(&behind.endpoint), "{said}");
}

#[test]
fn an_upstream_that_cannot_be_one_is_refused_with_the_reason() {
    let run = Run::new();
    for (upstream, why) in [
        ("localhost:8000", "http://127.0.0.1:8000"),
        ("https://localhost:8000", "TLS"),
        ("http://dynamodb.eu-west-1.amazonaws.com", "cost money"),
    ] {
        let output = run.dyno(&["emulate", "--upstream", upstream]);
        assert_eq!(code(&output), 2, "{upstream}");
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let upstream = format!("http://{}", free.local_addr().expect("bound"));
    drop(free);
    let output = run.dyno(&["emulate", "--upstream", &upstream]);
    let said = stderr(&output);
    assert_eq!(code(&output), 2, "{said}");
    assert!(said.contains(&upstream), "{said}");
    assert!(said.contains("connection refused"), "{said}");
    assert!(said.contains("start it first"), "{said}");
}
