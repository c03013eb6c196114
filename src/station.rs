//! Whom a command talks to: a server that was named, one that runs on the same store, or an engine in this process.
//!
//! Several commands on one store just work. The first holds the store and listens; the others find it through the
//! store's folder. When it goes away, however it goes, whoever still waits takes its place.

use std::time::Duration;

use legwork_api::client::{Client, ClientError};
use legwork_api::ready::Uses;
use legwork_server::config::{Config, Role};
use legwork_server::folder::{self, FolderError, ServerFile};
use legwork_server::{InUse, Running, StartError};
use tokio::time::{Instant, sleep, timeout};

use crate::exit::{Exit, Failure};
use crate::resolve::{Local, Target};

/// How long a store may be between two owners: one has gone, or has come and not said yet where it is.
const BETWEEN_OWNERS: Duration = Duration::from_secs(10);

/// How often it is looked meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// How long a server that was named may be away before a waiting command gives up.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long a server is waited for to say what nobody needs to know.
const A_WORD: Duration = Duration::from_secs(1);

/// How long to wait before a server that did not answer is asked again, and at the most when it says how long.
const A_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The server a command talks to, and how to find another when it goes away.
pub(crate) struct Station {
    target: Target,
    role: Role,
    client: Client,
    /// The engine, when it is ours.
    engine: Option<Running>,
}

impl Station {
    /// Finds a server, or becomes one. With [`Role::All`] it also works, if it has to become one.
    pub(crate) async fn find(target: Target, role: Role) -> Result<Self, Failure> {
        let (client, engine) = match &target {
            Target::Server { url, key, .. } => (Client::new(url, key.clone())?.patient_for(PATIENCE), None),
            Target::Store(local) => on_store(local, role).await?,
        };
        Ok(Self { target, role, client, engine })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the engine is in this process, and so ends with it.
    pub(crate) fn is_own(&self) -> bool {
        self.engine.is_some()
    }

    /// What the server answers with, in a few words; `None` where it does not say.
    pub(crate) async fn uses(&self) -> Option<Uses> {
        if let Some(engine) = &self.engine {
            return engine.uses().map(|InUse { models, search, documents }| Uses { model: models, search, documents });
        }
        timeout(A_WORD, self.client.ready()).await.ok()?.ok()?.uses
    }

    /// What has to be typed for the next command to talk to the same one.
    pub(crate) fn option(&self) -> String {
        self.target.option()
    }

    /// The server went away: finds the next one, or becomes it. Gives the error back where there is no other.
    pub(crate) async fn again(&mut self, lost: ClientError) -> Result<(), Failure> {
        let Target::Store(local) = &self.target else { return Err(lost.into()) };
        if self.engine.is_some() || !is_lost(&lost) {
            return Err(lost.into());
        }
        (self.client, self.engine) = on_store(local, self.role).await?;
        Ok(())
    }

    /// Makes one call, with the next server if the one that was found is just going, and leaves.
    pub(crate) async fn once<T>(mut self, call: impl AsyncFn(&Client) -> Result<T, ClientError>) -> Result<T, Failure> {
        let answer = self.persist(call).await;
        self.leave().await?;
        answer
    }

    /// Makes one call, with the next server if the one that was found is just going. A call that was under way when it
    /// went may have been done, and is made again all the same.
    pub(crate) async fn persist<T>(
        &mut self,
        call: impl AsyncFn(&Client) -> Result<T, ClientError>,
    ) -> Result<T, Failure> {
        loop {
            match call(&self.client).await {
                Ok(answer) => return Ok(answer),
                Err(lost) => self.again(lost).await?,
            }
        }
    }

    /// The same for what takes long: a server that was named is waited for when it is away for a while, and one that wants
    /// to be left alone for a moment is.
    pub(crate) async fn hold_out<T>(
        &mut self,
        call: impl AsyncFn(&Client) -> Result<T, ClientError>,
    ) -> Result<T, Failure> {
        let mut since = Instant::now();
        loop {
            let lost = match call(&self.client).await {
                Ok(answer) => return Ok(answer),
                Err(lost) => lost,
            };
            let is_store = matches!(self.target, Target::Store(_));
            if !lost.worth_retrying() || since.elapsed() > PATIENCE || (is_store && is_lost(&lost)) {
                self.again(lost).await?;
                continue;
            }
            if let Some(pause) = lost.retry_after() {
                // What it says it will do is no sign that it is gone.
                since = Instant::now();
                sleep(pause.min(LONGEST_PAUSE)).await;
            } else {
                sleep(A_PAUSE).await;
            }
        }
    }

    /// Stops the engine, if it is ours. What it has not done goes on with the next command.
    pub(crate) async fn leave(self) -> Result<(), Failure> {
        let Some(mut engine) = self.engine else { return Ok(()) };
        engine.stop();
        engine.ended().await.map_err(|error| Failure::new(Exit::Api, error))
    }
}

/// The server is going or gone. A store's server is on this machine, so there is nothing in between that could be.
fn is_lost(error: &ClientError) -> bool {
    matches!(error, ClientError::Unreachable { .. }) || error.status() == Some(503)
}

async fn on_store(local: &Local, role: Role) -> Result<(Client, Option<Running>), Failure> {
    let until = Instant::now() + BETWEEN_OWNERS;
    loop {
        if let Some(client) = running(local).await? {
            return Ok((client, None));
        }
        match legwork_server::start(Config { role, ..local.config.clone() }).await {
            Ok(engine) => {
                let client = own(local, &engine)?;
                return Ok((client, Some(engine)));
            }
            // Somebody was faster, and will say in a moment where it is.
            Err(StartError::Folder(FolderError::Held { .. })) if Instant::now() < until => sleep(LOOK).await,
            Err(error) => return Err(not_started(error)),
        }
    }
}

/// A client of the server that runs on the store, if one does and it is the one it seems to be.
async fn running(local: &Local) -> Result<Option<Client>, Failure> {
    let Some(file) = folder::server_on(&local.config.store) else { return Ok(None) };
    let url = format!("http://{}", file.address);
    // Without a key: something else may have taken the port meanwhile.
    let health = Client::new(&url, None)?.health().await;
    if health.is_ok_and(|health| health.store == file.store_id) {
        let client = Client::new(&url, Some(key_for(local, &file)))?;
        // When it is gone it does not come back at this address.
        return Ok(Some(client.patient_for(Duration::ZERO)));
    }
    Ok(None)
}

/// Whether the server at this address is the one that runs on the store.
pub(crate) async fn is_of(local: &Local, url: &str) -> bool {
    let (Some(file), Ok(client)) = (folder::server_on(&local.config.store), Client::new(url, None)) else {
        return false;
    };
    client.health().await.is_ok_and(|health| health.store == file.store_id)
}

fn key_for(local: &Local, file: &ServerFile) -> String {
    local.key.clone().unwrap_or_else(|| file.key.clone())
}

fn own(local: &Local, engine: &Running) -> Result<Client, Failure> {
    let known = local.key.as_ref().filter(|key| engine.accepts(key));
    let key = known.cloned().unwrap_or_else(|| engine.local_key().to_owned());
    Ok(Client::new(&format!("http://{}", engine.address()), Some(key))?)
}

pub(crate) fn not_started(error: StartError) -> Failure {
    let hint = error.hint();
    Failure { exit: Exit::Api, hint, error: error.into() }
}
