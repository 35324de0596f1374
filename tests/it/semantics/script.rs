//! What a script asked through the AWS SDK, and every answer that it got.

use std::{
    collections::HashMap,
    fmt::Debug,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::AttributeValue,
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept, context::AfterDeserializationInterceptorContextRef, dyn_dispatch_hint,
        },
        orchestrator::HttpResponse,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::Value;

use crate::wire;

/// What differs from run to run whatever the server is.
const OF_THE_MOMENT: [&str; 7] = [
    "CreationDateTime",
    "LastDecreaseDateTime",
    "LastIncreaseDateTime",
    "LastUpdateDateTime",
    "LastUpdateToPayPerRequestDateTime",
    "TableId",
    "LatestStreamLabel",
];

/// A request that was sent through the SDK.
pub trait Sent<T, E>: Future<Output = Result<T, SdkError<E, HttpResponse>>> {}

impl<T, E, F: Future<Output = Result<T, SdkError<E, HttpResponse>>>> Sent<T, E> for F {}

/// One answer, as the bytes of its body say.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// What the script asked for.
    pub asked: String,
    pub status: u16,
    pub content_type: String,
    pub body: Value,
}

/// Asks one server, one request after the other.
pub struct Script {
    pub client: Client,
    /// Tells its tokens from those of other runs, which a server remembers for minutes.
    run: u32,
    heard: Heard,
    transcript: Vec<Said>,
    /// All of them are told at the end: what the first leads to is often what explains it.
    unexpected: Vec<String>,
}

impl Script {
    pub fn at(endpoint: &str) -> Self {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let heard = Heard::default();
        let config = wire::config(endpoint).interceptor(heard.clone());
        Self {
            client: Client::from_conf(config.build()),
            run: RUNS.fetch_add(1, Ordering::Relaxed),
            heard,
            transcript: Vec::new(),
            unexpected: Vec::new(),
        }
    }

    /// Everything that was answered, in order; it was all as expected.
    pub fn transcript(self) -> Vec<Said> {
        assert!(self.unexpected.is_empty(), "{}", self.unexpected.join("\n"));
        self.transcript
    }

    /// A token for transactions of this run.
    pub fn token(&self, name: &str) -> String {
        format!("{name} of {}", self.run)
    }

    /// A request that succeeds, and whose answer the script goes on with.
    pub fn answer<'a, T, E: Debug>(
        &'a mut self,
        what: &'a str,
        sent: impl Sent<T, E> + 'a,
    ) -> impl Future<Output = T> + 'a {
        let sent = Box::pin(sent);
        async move {
            let answer = sent.await;
            let said = self.note(what);
            answer.unwrap_or_else(|error| panic!("{what}: {said:?}: {error:?}"))
        }
    }

    /// A request that succeeds.
    pub fn ok<'a, T, E: ProvideErrorMetadata>(
        &'a mut self,
        what: &'a str,
        sent: impl Sent<T, E> + 'a,
    ) -> impl Future<Output = ()> + 'a {
        self.expect(what, 200, None, sent)
    }

    /// A request that is refused with this code.
    pub fn fails<'a, T, E: ProvideErrorMetadata>(
        &'a mut self,
        what: &'a str,
        code: &'a str,
        sent: impl Sent<T, E> + 'a,
    ) -> impl Future<Output = ()> + 'a {
        self.expect(what, 400, Some(code), sent)
    }

    /// A request that servers take differently.
    pub fn either<'a, T, E>(
        &'a mut self,
        what: &'a str,
        sent: impl Sent<T, E> + 'a,
    ) -> impl Future<Output = ()> + 'a {
        let sent = Box::pin(sent);
        async move {
            // What it was is in the transcript.
            let _ = sent.await;
            self.note(what);
        }
    }

    fn expect<'a, T, E: ProvideErrorMetadata>(
        &'a mut self,
        what: &'a str,
        status: u16,
        code: Option<&'a str>,
        sent: impl Sent<T, E> + 'a,
    ) -> impl Future<Output = ()> + 'a {
        // Those of the SDK are large, and each would have a place of its own in what awaits it.
        let sent = Box::pin(sent);
        async move {
            let answer = sent.await;
            let said = self.note(what);
            let understood = answer.as_ref().err();
            let understood = understood.map(|error| error.code().unwrap_or_default());
            if (said.status, understood) != (status, code) {
                self.unexpected.push(format!(
                    "{what}: not {code:?} but {understood:?}: {}",
                    said.body
                ));
            }
        }
    }

    fn note(&mut self, what: &str) -> Said {
        let mut said = self.heard.take().expect("an answer was read");
        what.clone_into(&mut said.asked);
        self.transcript.push(said.clone());
        said
    }
}

/// The last answer, before the SDK made something else of it.
#[derive(Clone, Debug, Default)]
struct Heard(Arc<Mutex<Option<Said>>>);

impl Heard {
    fn take(&self) -> Option<Said> {
        self.0.lock().expect("nobody panics with it").take()
    }
}

#[dyn_dispatch_hint]
impl Intercept for Heard {
    fn name(&self) -> &'static str {
        "Heard"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let body = response.body().bytes().expect("read to its end");
        let header = |name: &str| response.headers().get(name);
        // DynamoDB Local declares none.
        if let Some(declared) = header("x-amz-crc32") {
            assert_eq!(declared, crc32fast::hash(body).to_string());
        }
        let mut said = Said {
            asked: String::new(),
            status: response.status().as_u16(),
            content_type: header("content-type").unwrap_or_default().to_owned(),
            body: serde_json::from_slice(body)?,
        };
        forget_the_moment(&mut said.body);
        order_what_has_no_order(&mut said.body);
        *self.0.lock().expect("nobody panics with it") = Some(said);
        Ok(())
    }
}

fn forget_the_moment(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !OF_THE_MOMENT.contains(&name.as_str()));
            fields.values_mut().for_each(forget_the_moment);
        }
        Value::Array(elements) => elements.iter_mut().for_each(forget_the_moment),
        _ => {}
    }
}

/// The items of a batch, and the tables that it took capacity of.
fn order_what_has_no_order(body: &mut Value) {
    let sort = |list: &mut Value| {
        if let Value::Array(elements) = list {
            elements.sort_by_key(Value::to_string);
        }
    };
    if let Some(Value::Object(tables)) = body.get_mut("Responses") {
        tables.values_mut().for_each(sort);
    }
    if let Some(capacity) = body.get_mut("ConsumedCapacity") {
        sort(capacity);
    }
}

/// An item of texts, numbers, truth values, nulls, lists and maps.
pub fn item(plain: Value) -> HashMap<String, AttributeValue> {
    let Value::Object(fields) = plain else {
        panic!("an item is an object: {plain}");
    };
    let attributes = fields.into_iter();
    attributes.map(|(name, value)| (name, v(value))).collect()
}

/// A value of an attribute.
pub fn v(plain: impl Into<Value>) -> AttributeValue {
    match plain.into() {
        Value::String(text) => AttributeValue::S(text),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::Bool(truth) => AttributeValue::Bool(truth),
        Value::Null => AttributeValue::Null(true),
        Value::Array(elements) => AttributeValue::L(elements.into_iter().map(v).collect()),
        fields @ Value::Object(_) => AttributeValue::M(item(fields)),
    }
}
