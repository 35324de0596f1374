//! Endpoints over TLS, with a certificate that only this test trusts.

use std::{net::SocketAddr, path::Path, process::Output, sync::Arc};

use dynamometer::emulator::{Emulator, EmulatorConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::cli::{Run, code, stderr};

/// An authority, and a server's configuration with a certificate for `localhost` from it.
fn authority() -> (String, ServerConfig) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = CertifiedIssuer::self_signed(params, key).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (authority.pem(), config)
}

/// Takes TLS off in front of `behind`, and returns its port.
async fn front(config: ServerConfig, behind: SocketAddr) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut near = acceptor.accept(stream).await?;
                let mut far = TcpStream::connect(behind).await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
    port
}

async fn fire(run: &Run, port: u16, client: &'static str, trusted: &Path) -> Output {
    let scenario = run.short("500ms", "0 %");
    let endpoint = format!("https://localhost:{port}");
    let mut command = run.command(&[
        "run",
        &scenario,
        "--endpoint",
        &endpoint,
        "--client",
        client,
        "--quiet",
    ]);
    command
        .env("SSL_CERT_FILE", trusted)
        .env_remove("SSL_CERT_DIR");
    let output = tokio::task::spawn_blocking(move || command.output());
    output.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_over_tls_trusts_what_the_system_trusts_and_nothing_else() {
    let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
    let behind = emulator.endpoint();
    let behind = behind.trim_start_matches("http://").parse().unwrap();
    let (trusted, config) = authority();
    let (foreign, _) = authority();
    let port = front(config, behind).await;
    for client in ["wire", "sdk"] {
        let run = Run::new();
        let file = run.folder.path().join("authority.pem");
        std::fs::write(&file, &trusted).unwrap();
        let output = fire(&run, port, client, &file).await;
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        std::fs::write(&file, &foreign).unwrap();
        let output = fire(&run, port, client, &file).await;
        assert_eq!(code(&output), 2, "{}", stderr(&output));
    }
    let ledger = emulator.handle().ledger().await;
    assert!(ledger.requests["GetItem"].total() > 0, "{ledger:?}");
    emulator.shutdown().await;
}
