//! Lists the namespaces of the current context's cluster, once or every half second.
use std::time::{Duration, Instant};

use anyhow::{Error, Result, bail};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["list"] => list().await,
        ["loop", seconds] => repeat(Duration::from_secs(seconds.parse()?)).await,
        _ => bail!("usage: client list | loop SECONDS"),
    }
}

async fn list() -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(Client::try_default().await?);
    for namespace in namespaces.list(&Default::default()).await? {
        println!("{}", namespace.name_any());
    }
    Ok(())
}

async fn repeat(time: Duration) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(Client::try_default().await?);
    let end = Instant::now() + time;
    while Instant::now() < end {
        match namespaces.list(&Default::default()).await {
            Ok(_) => println!("ok"),
            Err(err) => println!("error: {}", format!("{:#}", Error::new(err)).replace('\n', " ")),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}
