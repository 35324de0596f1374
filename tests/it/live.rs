//! Runs on AWS, played by the embedded emulator and a stub that says who we are. None of this
//! was ever run against AWS itself.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{Read as _, Write as _},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use dynamometer::{
    emulator::{Emulator, EmulatorConfig, RequestCounts},
    scenario::{ClientSettings, parse},
    target::sdk::{SdkTarget, admin::AdminError, live::Caller},
};

use crate::{
    cli::{Run, code, stderr, stdout},
    server::{Reply, Server},
    terminal,
};

const IDENTITY: &str = r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/Tester/laptop</Arn><UserId>AROA:laptop</UserId><Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#;
const OWNER: &str = "arn:aws:sts::123456789012:assumed-role/Tester";

/// Both servers that play AWS, and a folder to run in.
pub struct Aws {
    pub emulator: Emulator,
    pub sts: Server,
    pub run: Run,
}

impl Aws {
    pub async fn start() -> Self {
        let config = EmulatorConfig::default();
        Self {
            emulator: Emulator::start(config).await.unwrap(),
            sts: Server::saying(Reply::answer(200, "text/xml", IDENTITY)).await,
            run: Run::new(),
        }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.run.command(arguments);
        command
            .env("AWS_ENDPOINT_URL_DYNAMODB", self.emulator.endpoint())
            .env("AWS_ENDPOINT_URL_STS", self.sts.url())
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("HOME", self.run.folder.path())
            .env_remove("AWS_PROFILE")
            .env_remove("DYNO_PRODUCTION");
        command
    }

    pub fn dyno(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// `run SCENARIO --live --region us-east-1 --quiet` and more.
    pub fn live(&self, scenario: &str, more: &[&str]) -> Output {
        let first = [
            "run",
            scenario,
            "--live",
            "--region",
            "us-east-1",
            "--quiet",
        ];
        self.dyno(&[&first, more].concat())
    }

    async fn requests(&self, operation: &str) -> u64 {
        let ledger = self.emulator.handle().ledger().await;
        ledger
            .requests
            .get(operation)
            .map_or(0, RequestCounts::total)
    }

    /// Everything that was asked of DynamoDB.
    async fn operations(&self) -> BTreeSet<String> {
        let ledger = self.emulator.handle().ledger().await;
        ledger.requests.into_keys().collect()
    }

    /// Somebody else's client.
    async fn other(&self) -> SdkTarget {
        let (url, client) = (self.emulator.endpoint(), ClientSettings::default());
        SdkTarget::connect(&url, &client).await.unwrap()
    }

    /// Makes the table of a scenario without any tag.
    async fn make_table(&self, scenario: &str) {
        let parsed = parse::parse(&fs::read_to_string(scenario).unwrap(), "it").unwrap();
        let table = &parsed.scenario.tables[0];
        let made = self.other().await.create_table(table).await.unwrap();
        assert_eq!(made.name(), table.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_run_says_what_is_at_stake_and_leaves_no_table() {
    let aws = Aws::start().await;
    let scenario = aws.run.short("1s", "0 %");
    let output = aws.live(&scenario, &["--yes", "--spend-limit", "5"]);
    let said = stderr(&output);
    assert_eq!(code(&output), 0, "{said}{}", stdout(&output));
    for part in [
        "account  123456789012",
        "region   us-east-1",
        "table    Things: provisioned, 500 RCU and 500 WCU; made by this run",
        "at most  $0.78",
        "limit    $5.0000",
        "dynamometer:run=",
        "`dyno clean --live --region us-east-1`",
        "spent at most $0.78",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let target = aws.run.results()["record"]["provenance"]["target"].clone();
    assert_eq!(target, "AWS us-east-1");
    assert_eq!(aws.other().await.tags_of("Things").await.unwrap(), None);
    assert_eq!(aws.requests("DeleteTable").await, 1);
}

/// What a person at a terminal who answers so is shown, and how it ends.
fn answered(mut command: Command, answer: &str) -> (Option<i32>, String) {
    let (control, terminal) = terminal::pair();
    command
        .stdin(Stdio::from(terminal.try_clone().unwrap()))
        .stderr(Stdio::from(terminal))
        .stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    // Its ends of the terminal.
    drop(command);
    let mut control = File::from(control);
    let (mut shown, mut piece, mut is_asked) = (Vec::new(), [0; 4096], false);
    // A terminal that nobody else holds any more is an error on Linux.
    while let Ok(length @ 1..) = control.read(&mut piece) {
        shown.extend_from_slice(&piece[..length]);
        if !is_asked && String::from_utf8_lossy(&shown).contains("[y/N]") {
            is_asked = true;
            writeln!(control, "{answer}").unwrap();
        }
    }
    assert!(is_asked, "{}", String::from_utf8_lossy(&shown));
    let code = child.wait().unwrap().code();
    (code, String::from_utf8_lossy(&shown).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_asked_and_only_a_yes_is_a_yes() {
    let aws = Aws::start().await;
    let scenario = aws.run.short("1s", "0 %");
    let live = ["run", &scenario, "--live", "--region", "us-east-1", "-q"];
    for answer in ["n", "", "maybe"] {
        let (code, shown) = answered(aws.command(&live), answer);
        assert_eq!(code, Some(2), "{shown}");
        let question = shown.find("fire at AWS?").unwrap();
        for stake in ["account", "region", "provisioned", "at most  $0.78"] {
            let told = shown.find(stake).unwrap();
            assert!(told < question, "{stake} comes too late: {shown}");
        }
        assert!(shown.contains("nothing was sent"), "{shown}");
    }
    assert_eq!(aws.requests("CreateTable").await, 0);
    let (code, shown) = answered(aws.command(&live), "y");
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(aws.requests("CreateTable").await, 1);
    assert_eq!(aws.requests("DeleteTable").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_that_was_not_agreed_to() {
    let aws = Aws::start().await;
    let scenario = aws.run.short("1s", "0 %");
    let agreed = ["--yes", "--spend-limit", "5"];
    let refused = |output: Output, parts: &[&str]| {
        let said = stderr(&output);
        assert_eq!(code(&output), 2, "{said}");
        for part in parts {
            assert!(said.contains(part), "{part} is not in {said}");
        }
    };
    refused(aws.live(&scenario, &[]), &["no terminal", "--yes"]);
    refused(aws.live(&scenario, &["--yes"]), &["--spend-limit"]);
    refused(
        aws.live(&scenario, &["--yes", "--spend-limit", "0.5"]),
        &["may cost $0.78"],
    );
    for (production, what) in [("thing*", "table Things"), ("123456789012", "account")] {
        let mut command = aws.command(&["run", &scenario, "--live", "--region", "us-east-1"]);
        command.args(agreed).env("DYNO_PRODUCTION", production);
        refused(command.output().unwrap(), &[what, "is production"]);
    }
    let closed = r#"{ kind = "closed", clients = 2, think_time = "1ms" }"#;
    let text = fs::read_to_string(&scenario).unwrap();
    let text = text.replace(r#"{ kind = "constant", rate = "50/s" }"#, closed);
    refused(
        aws.live(&aws.run.scenario(&text), &["--yes", "--spend-limit", "0.5"]),
        &["may cost $0.78"],
    );
    let scenario = aws.run.short("1s", "0 %");
    aws.make_table(&scenario).await;
    refused(aws.live(&scenario, &agreed), &["exists already"]);
    let text = fs::read_to_string(&scenario).unwrap();
    let scenario = aws.run.scenario(&on_an_existing_table(&text));
    refused(
        aws.live(&scenario, &agreed),
        &["writes to table Things", "--allow-writes-to Things"],
    );
    for operation in ["PutItem", "GetItem", "BatchWriteItem", "DeleteTable"] {
        assert_eq!(aws.requests(operation).await, 0, "{operation}");
    }
    assert_eq!(aws.requests("CreateTable").await, 1, "ours");

    let allowed = [&agreed[..], &["--allow-writes-to", "Things"]].concat();
    let output = aws.live(&scenario, &allowed);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(aws.requests("PutItem").await > 0);
    assert_eq!(aws.requests("DeleteTable").await, 0, "it is not ours");
}

/// The same scenario on a table that is there, which it does not load.
fn on_an_existing_table(scenario: &str) -> String {
    let existing = scenario.replace("items = 50", "items = 50\nexisting = true");
    existing.replace(
        "name = \"load\"\nkind = \"load\"",
        "kind = \"warm-up\"\nduration = \"1s\"\narrivals = { kind = \"constant\", rate = \"1/s\" }",
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_known_by_its_tags_as_production_and_as_somebody_elses() {
    let aws = Aws::start().await;
    let scenario = aws.run.short("1s", "0 %");
    let text = fs::read_to_string(&scenario).unwrap();
    let table = &parse::parse(&text, "it").unwrap().scenario.tables[0];
    let marked = async |run: &str| {
        let mut target = aws.other().await;
        let caller = Caller {
            account: "123456789012".to_owned(),
            owner: OWNER.to_owned(),
        };
        target.mark_tables(run, &caller);
        target
    };
    let made = marked("one").await.create_table(table).await.unwrap();

    let existing = aws.run.scenario(&on_an_existing_table(&text));
    let mut command = aws.command(&["run", &existing, "--live"]);
    command.args(["--region", "us-east-1", "--yes", "--spend-limit", "5"]);
    command.args(["--allow-writes-to", "Things"]);
    command.env("DYNO_PRODUCTION", "dynamometer:run=o*");
    let said = stderr(&command.output().unwrap());
    assert!(
        said.contains("its tag dynamometer:run=one is production"),
        "{said}"
    );

    let refused = marked("another").await.delete_table(made).await;
    assert!(
        matches!(refused, Err(AdminError::NotOurs { .. })),
        "{refused:?}"
    );
    assert_eq!(aws.requests("DeleteTable").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_come_from_wherever_awss_own_chain_looks() {
    let mut aws = Aws::start().await;
    // The same stub says who we are, and hands out credentials for a web identity.
    let assumed = r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKIDWEB</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"#;
    aws.sts = Server::start(move |request| {
        let is_assuming = String::from_utf8_lossy(&request.bytes).contains("AssumeRole");
        let body = if is_assuming { assumed } else { IDENTITY };
        Reply::answer(200, "text/xml", body)
    })
    .await;
    let keys = r#"{"AccessKeyId":"AKIDBOX","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#;
    let container = Server::saying(Reply::answer(200, "application/json", keys)).await;
    let folder = aws.run.folder.path();
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let profiles = "[tester]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n";
    let profiles = file("credentials", profiles);
    let token = file("token", "web");
    let nowhere = file("nothing", "");
    let box_url = container.url();
    for (key, variables) in [
        ("AKIDEXAMPLE", vec![]),
        (
            "AKIDFILE",
            vec![
                ("AWS_SHARED_CREDENTIALS_FILE", &*profiles),
                ("AWS_PROFILE", "tester"),
            ],
        ),
        (
            "AKIDWEB",
            vec![
                ("AWS_WEB_IDENTITY_TOKEN_FILE", &*token),
                ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Tester"),
            ],
        ),
        (
            "AKIDBOX",
            vec![("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*box_url)],
        ),
    ] {
        let mut command = aws.command(&["clean", "--live", "--region", "us-east-1"]);
        if !variables.is_empty() {
            command.env_remove("AWS_ACCESS_KEY_ID");
        }
        command
            .env("AWS_SHARED_CREDENTIALS_FILE", &nowhere)
            .env("AWS_CONFIG_FILE", &nowhere)
            .envs(variables);
        aws.sts.take_received();
        let output = command.output().unwrap();
        assert_eq!(code(&output), 0, "{key}: {}", stderr(&output));
        let asked = aws.sts.take_received();
        let signed = asked.last().unwrap().header("authorization");
        assert!(signed.contains(key), "{key}: {signed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_leaves_behind_is_found_by_its_tags_and_nothing_else_is_touched() {
    let aws = Aws::start().await;
    let scenario = aws.run.short("60s", "0 %");
    let live = ["run", &scenario, "--live", "--region", "us-east-1"];
    let mut command = aws.command(&live);
    command.args(["--yes", "--spend-limit", "5", "--quiet"]);
    let mut child = command.spawn().unwrap();
    let began = Instant::now();
    while aws.requests("GetItem").await == 0 {
        assert!(began.elapsed() < Duration::from_secs(30));
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let text = fs::read_to_string(&scenario).unwrap();
    aws.make_table(&aws.run.scenario(&text.replace("Things", "Precious")))
        .await;

    let clean = ["clean", "--live", "--region", "us-east-1"];
    let (code_of_no, shown) = answered(aws.command(&clean), "n");
    assert_eq!(code_of_no, Some(0), "{shown}");
    assert!(shown.contains("delete 1 tables?"), "{shown}");
    let asked = aws.dyno(&clean);
    assert_eq!(code(&asked), 2, "nobody is there to be asked");
    assert!(
        stdout(&asked).starts_with("Things, made by run 2"),
        "{asked:?}"
    );
    assert!(aws.other().await.tags_of("Things").await.unwrap().is_some());
    let tags = aws.other().await.tags_of("Things").await.unwrap().unwrap();
    assert_eq!(tags["dynamometer:owner"], OWNER);

    let cleaned = aws.dyno(&[&clean[..], &["--yes"]].concat());
    assert_eq!(code(&cleaned), 0, "{}", stderr(&cleaned));
    assert_eq!(aws.other().await.tags_of("Things").await.unwrap(), None);
    let precious = aws.other().await.tags_of("Precious").await.unwrap();
    assert_eq!(precious, Some([].into()), "not ours, and still there");
    let again = aws.dyno(&clean);
    assert_eq!(code(&again), 0);
    assert!(stderr(&again).contains("nothing to delete"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_stops_before_it_could_have_cost_more_than_its_limit() {
    const LIMIT: f64 = 0.0003;
    let aws = Aws::start().await;
    let text = fs::read_to_string(aws.run.short("60s", "0 %")).unwrap();
    let text = text
        .replace(
            r#"{ mode = "provisioned", read = "500 RCU", write = "500 WCU" }"#,
            r#"{ mode = "on-demand" }"#,
        )
        .replace(
            r#"{ kind = "constant", rate = "50/s" }"#,
            r#"{ kind = "closed", clients = 4, think_time = "1ms" }"#,
        );
    let scenario = aws.run.scenario(&text);
    let began = Instant::now();
    let output = aws.live(&scenario, &["--yes", "--spend-limit", &LIMIT.to_string()]);
    let said = stderr(&output);
    assert_eq!(code(&output), 130, "{said}");
    assert!(
        began.elapsed() < Duration::from_secs(40),
        "it went on: {said}"
    );
    assert!(said.contains("stopped: another request"), "{said}");
    // What the server charged, loading included, at the prices of the Region.
    let ledger = aws.emulator.handle().ledger().await;
    let units = &ledger.consumed["Things"];
    let cost = units.read.as_f64() * 0.125e-6 + units.write.as_f64() * 0.625e-6;
    assert!(cost <= LIMIT, "{cost}");
    assert!(cost > LIMIT * 0.7, "{cost} is far from the limit");
    let spent = said.split("spent at most $").nth(1).unwrap();
    let spent: f64 = spent.split_whitespace().next().unwrap().parse().unwrap();
    assert!(
        (cost - 0.00005..=LIMIT).contains(&spent),
        "{spent} for {cost}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_aws_does_not_accept_are_said_without_showing_them() {
    let mut aws = Aws::start().await;
    let denied = r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The security token AKIDEXAMPLE is invalid</Message></Error></ErrorResponse>"#;
    aws.sts = Server::saying(Reply::answer(403, "text/xml", denied)).await;
    let scenario = aws.run.short("1s", "0 %");
    let output = aws.live(&scenario, &["--yes", "--spend-limit", "5"]);
    let said = stderr(&output);
    assert_eq!(code(&output), 2, "{said}");
    assert!(said.contains("InvalidClientTokenId"), "{said}");
    assert!(!said.contains("AKIDEXAMPLE"), "{said}");
    assert_eq!(aws.requests("CreateTable").await, 0);

    let live = ["run", &scenario, "--live", "--region", "us-east-1"];
    let mut command = aws.command(&live);
    command.args(["--yes", "--spend-limit", "5"]);
    command.env_remove("AWS_ACCESS_KEY_ID");
    let output = command.output().unwrap();
    let said = stderr(&output);
    assert_eq!(code(&output), 2);
    assert!(
        said.contains("no AWS credentials for AWS us-east-1"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_policy_allows_what_the_scenario_does_and_nothing_else() {
    let run = Run::new();
    let scenario = run.short("1s", "0 %");
    let place = ["--region", "eu-west-1", "--account", "123456789012"];
    let policy = |purpose: &str| {
        let first = ["iam", &scenario, "--for", purpose];
        let output = run.dyno(&[&first[..], &place].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    insta::assert_snapshot!("policy_of_a_run", policy("run"));
    insta::assert_snapshot!("policy_of_clean", policy("clean"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_allows_just_what_is_asked_of_dynamodb() {
    let aws = Aws::start().await;
    let scenario = aws.run.short("1s", "0 %");
    let allowed = |purpose: &str| {
        let output = aws.dyno(&["iam", &scenario, "--for", purpose]);
        let policy: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let statements = policy["Statement"].as_array().unwrap().iter();
        let actions = statements.flat_map(|it| it["Action"].as_array().unwrap());
        actions
            .map(|it| it.as_str().unwrap().replace("dynamodb:", ""))
            .collect::<BTreeSet<_>>()
    };
    let output = aws.live(&scenario, &["--yes", "--spend-limit", "5"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let mut asked = aws.operations().await;
    // AWS wants it for the tags that a table is made with.
    asked.insert("TagResource".to_owned());
    assert_eq!(asked, allowed("run"));

    aws.emulator.handle().reset_ledger().await;
    let mut owner = aws.other().await;
    let caller = Caller {
        account: "123456789012".to_owned(),
        owner: OWNER.to_owned(),
    };
    owner.mark_tables("one", &caller);
    let text = fs::read_to_string(&scenario).unwrap();
    let table = &parse::parse(&text, "it").unwrap().scenario.tables[0];
    let left = owner.create_table(table).await.unwrap();
    assert_eq!(left.name(), "Things");
    aws.emulator.handle().reset_ledger().await;
    let output = aws.dyno(&["clean", "--live", "--region", "us-east-1", "--yes"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(aws.operations().await, allowed("clean"));
}
