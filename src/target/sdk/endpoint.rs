//! Which endpoints are allowed, and which are on this machine.

use std::net::IpAddr;

use hyper::Uri;

use super::ConnectError;

/// An endpoint that may be fired at.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    url: String,
    host: String,
}

impl Endpoint {
    pub(super) fn parse(url: &str) -> Result<Self, ConnectError> {
        let bad = |problem| ConnectError::BadUrl { problem };
        let uri: Uri = url.parse().map_err(|_| bad("it cannot be parsed"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(bad("it must begin with http:// or https://"));
        }
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("it must not contain a user name or password"));
        }
        if uri.query().is_some() {
            return Err(bad("it must not contain a query"));
        }
        let host = authority
            .host()
            .trim_matches(['[', ']'])
            .trim_end_matches('.')
            .to_ascii_lowercase();
        if host.is_empty() {
            return Err(bad("it names no host"));
        }
        let aws = [
            "amazonaws.com",
            "amazonaws.com.cn",
            "amazonaws.eu",
            "api.aws",
        ];
        if aws.iter().any(|domain| is_within(&host, domain)) {
            return Err(ConnectError::LiveAws { host });
        }
        let url = url.to_owned();
        Ok(Self { url, host })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// On this machine, and not over TLS.
    pub(super) fn is_plain_loopback(&self) -> bool {
        self.is_loopback() && !self.url.to_ascii_lowercase().starts_with("https")
    }

    pub(super) fn is_loopback(&self) -> bool {
        is_within(&self.host, "localhost")
            || self
                .host
                .parse()
                .is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
    }
}

fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        let check = |url: &str, expected| {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(endpoint.is_loopback(), expected, "{url}");
        };
        check("http://localhost:8000", true);
        check("http://LOCALHOST./", true);
        check("https://127.8.9.1:4566", true);
        check("http://[::1]:8000", true);
        check("http://127.0.0.1.example.com", false);
        check("http://notlocalhost", false);
        check("http://10.0.0.1:8000", false);
    }

    #[test]
    fn aws_itself_is_refused_and_look_alikes_are_not() {
        let check = |url: &str, refused| {
            let live = matches!(Endpoint::parse(url), Err(ConnectError::LiveAws { .. }));
            assert_eq!(live, refused, "{url}");
        };
        check("https://dynamodb.eu-central-1.amazonaws.com", true);
        check("https://DynamoDB.us-east-1.AmazonAWS.com./", true);
        check("https://123.ddb.us-east-1.amazonaws.com.cn", true);
        check("https://dynamodb.us-east-1.api.aws", true);
        check("http://amazonaws.com.example.org", false);
        check("http://myamazonaws.com:80", false);
    }

    #[test]
    fn a_url_that_is_refused_is_not_quoted() {
        for url in [
            "http://user:secret@localhost",
            "ftp://secret",
            "secret",
            "http://h/?secret",
        ] {
            let error = Endpoint::parse(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
