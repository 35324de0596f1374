//! Credentials appear nowhere, however much is logged and whatever goes wrong.

use std::{fs, path::Path, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    live::Aws,
    server::{Reply, Server},
};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYPLANTEDKEY";
const TOKEN: &str = "IQoJb3JpZ2luX2VjEPLANTEDTOKEN";

/// Runs it with logs at their most talkative, and gives everything that it said or wrote.
fn everything(mut command: Command, folder: &Path) -> String {
    command
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_SESSION_TOKEN", TOKEN)
        .env("DYNO_LOG", "trace")
        .env("RUST_BACKTRACE", "full");
    let output = command.output().unwrap();
    let mut all = vec![output.stdout, output.stderr];
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all.push(fs::read(path).unwrap());
            }
        }
    }
    String::from_utf8_lossy(&all.concat()).into_owned()
}

fn assert_clean(all: &str, logged: &str) {
    assert!(all.contains(logged), "{logged} shows that logs were on");
    for secret in [SECRET, TOKEN] {
        for form in [secret.to_owned(), STANDARD.encode(secret)] {
            if let Some(at) = all.find(&form) {
                let from = all[..at].char_indices().rev().nth(300);
                let around = &all[from.map_or(0, |(at, _)| at)..at];
                panic!("{form} was shown after: {around}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_secret_is_in_no_output_file_log_or_error() {
    let mut aws = Aws::start().await;
    let scenario = aws.run.short("1s", "0 %");
    let live = ["run", &scenario, "--live", "--region", "us-east-1"];
    let live = [&live[..], &["--yes", "--spend-limit", "5"]].concat();
    let folder = aws.run.folder.path().to_path_buf();
    let good = everything(aws.command(&live), &folder);
    assert!(good.contains("</html>"), "a report was written");
    assert_clean(&good, "TRACE");
    // The other client, which asks for more by itself.
    let by_sdk = [&live[..], &["--client", "sdk"]].concat();
    assert_clean(&everything(aws.command(&by_sdk), &folder), "TRACE");
    let clean = ["clean", "--live", "--region", "us-east-1"];
    assert_clean(&everything(aws.command(&clean), &folder), "TRACE");

    // Errors with everything that a server may say back.
    let denied = "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>";
    for reply in [
        Reply::answer(403, "text/xml", denied),
        Reply::answer(200, "text/xml", "nonsense"),
        Reply::raw("HTTP/1.1 200 OK\r\n").then_reset(),
    ] {
        aws.sts = Server::saying(reply).await;
        assert_clean(
            &everything(aws.command(&live), &folder),
            "GetCallerIdentity",
        );
    }
}
