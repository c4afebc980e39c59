//! The API in this process, over a data directory that no server has open: the same routes, so the same answers.
//!
//! Reading takes no lock. What changes something opens the store, which takes the lock, and closes it again.

use std::path::Path;
use std::sync::Arc;

use api::{Peer, ServerError, Services};
use axum::Router;
use axum::body::Body;
use axum::http::Response;
use axum::http::request::Builder;
use futures::future::BoxFuture;
use ledger::{Appender, LedgerError, LedgerName, Options, Reader, Store};
use operations::access::{LoginService, Principal, TokenService, Tokens};
use operations::budget;
use operations::kind::sink_order::{BackfillOrder, SinkOrder};
use operations::triage::TriageService;
use query::compute::Rates;
use query::{Engine, QueryError};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::exit::Failure;
use crate::settings::Settings;

/// The API over a directory.
pub struct Local {
    router: Router,
    /// The open store, if something is to be changed. It closes when it is dropped, after whatever appends to it.
    _store: Option<Store>,
}

impl Local {
    /// Reads a directory. The settings say what hides alerts, and which sinks there are.
    pub fn read(data: &Path, settings: Settings) -> Result<Self, Failure> {
        let (events, operations) =
            (Reader::open(data, LedgerName::Events)?, Reader::open(data, LedgerName::Operations)?);
        Ok(Self { router: router(events, operations, None, settings)?, _store: None })
    }

    /// Opens a directory to change something.
    pub fn change(data: &Path, settings: Settings) -> Result<Self, Failure> {
        // The reserve is kept for entries such as these.
        let options = Options { reserve_bytes: 0, ..Options::default() };
        let store = Store::open(data, options).map_err(|error| {
            let locked = matches!(error, LedgerError::Locked { .. });
            let failure = Failure::from(error);
            if locked { failure.hint("A server is starting or stopping; try again in a moment.") } else { failure }
        })?;
        let appender = store.operations().appender();
        let (events, operations) = (store.events().reader(), store.operations().reader());
        Ok(Self { router: router(events, operations, Some(appender), settings)?, _store: Some(store) })
    }

    /// Answers a request in the name of `local`: whoever can read the directory may ask everything.
    pub async fn send(&self, request: Builder, body: String) -> Result<Response<Body>, Failure> {
        let request = request.extension(Peer::of_connection(Arc::new(Principal::local()))).body(Body::from(body))?;
        // A router always answers.
        Ok(self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {}))
    }
}

/// The ledger's own words for what is wrong with a directory, which have a remedy.
fn failure(error: QueryError) -> Failure {
    match error {
        QueryError::Ledger(error) => Failure::from(error),
        error => Failure::from(error),
    }
}

/// The routes over two ledgers; `appender` is `None` where nothing can be recorded.
fn router(
    events: Reader,
    operations: Reader,
    appender: Option<Appender>,
    settings: Settings,
) -> Result<Router, Failure> {
    let sinks = settings.sinks();
    let rates = Rates::of(settings.compute.table()?);
    let triage = Arc::new(TriageService::new(operations.clone(), appender.clone(), settings.alerts));
    let options = query::Options {
        audit: appender.clone(),
        triage: Some(Arc::clone(&triage)),
        rates,
        ..query::Options::default()
    };
    let engine = Engine::new(events.clone(), operations.clone(), options).map_err(failure)?;
    // They are read when somebody asks for them.
    let tokens = Tokens::unread(operations.clone());
    Ok(api::router(api::State::new(Services {
        engine,
        authorize: Arc::new(tokens.clone()),
        triage,
        budgets: Arc::new(budget::BudgetService::new(operations.clone(), appender.clone())),
        logins: Arc::new(LoginService::new(tokens.clone(), appender.clone())),
        tokens: Arc::new(TokenService::new(tokens, appender)),
        server: Arc::new(NoServer { sinks, events, operations }),
        stop: CancellationToken::new(),
    })))
}

/// What is known of sinks while nothing runs: what their receipts say.
struct NoServer {
    sinks: export::Config,
    events: Reader,
    operations: Reader,
}

impl api::Server for NoServer {
    fn status(&self) -> Result<Value, ServerError> {
        Err(ServerError::NoServer)
    }

    fn sinks(&self) -> Result<Vec<Value>, ServerError> {
        let statuses = export::status(&self.sinks, &self.events, &self.operations)?;
        Ok(statuses.iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
    }

    fn verification(&self) -> Value {
        Value::Null
    }

    fn integrity(&self) -> Result<Value, ServerError> {
        Err(ServerError::NoServer)
    }

    fn verify(&self, _by: &str) -> Result<Value, ServerError> {
        Err(ServerError::NoServer)
    }

    fn order<'a>(
        &'a self,
        _sink: &'a str,
        _order: SinkOrder,
        _principal: &'a Principal,
    ) -> BoxFuture<'a, Result<(), ServerError>> {
        Box::pin(async { Err(ServerError::NoServer) })
    }

    fn backfill<'a>(
        &'a self,
        _sink: &'a str,
        _order: BackfillOrder,
        _principal: &'a Principal,
    ) -> BoxFuture<'a, Result<Value, ServerError>> {
        Box::pin(async { Err(ServerError::NoServer) })
    }
}
