//! Receivers that call what they are told by names of their own: the names survive a restart, and lead to the ends.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};

use super::*;

/// A Jira in memory.
#[derive(Default)]
struct Jira {
    /// How many creations are carried out and answered 500.
    lies: usize,
    /// The label and the paths of what was done to each issue, by its number.
    issues: Vec<(String, Vec<String>)>,
    searches: usize,
}

impl Jira {
    fn answer(&mut self, path: &str, body: &Value) -> Response {
        let json = |status: StatusCode, body: Value| (status, axum::Json(body)).into_response();
        match path.trim_start_matches("/rest/api/3/") {
            "issue" => {
                let label = body["fields"]["labels"][2].as_str().unwrap().to_owned();
                self.issues.push((label, Vec::new()));
                if self.lies > 0 {
                    self.lies -= 1;
                    return StatusCode::INTERNAL_SERVER_ERROR.into_response();
                }
                json(StatusCode::CREATED, json!({"id": "1", "key": format!("SEC-{}", self.issues.len())}))
            }
            "search/jql" => {
                self.searches += 1;
                let jql = body["jql"].as_str().unwrap();
                let found = self.issues.iter().position(|(label, _)| jql == format!("labels = \"{label}\""));
                let issues: Vec<Value> =
                    found.into_iter().map(|number| json!({"id": "1", "key": format!("SEC-{}", number + 1)})).collect();
                json(StatusCode::OK, json!({"issues": issues, "isLast": true}))
            }
            other => {
                let mut parts = other.split('/').skip(1);
                let number: usize = parts.next().unwrap().strip_prefix("SEC-").unwrap().parse().unwrap();
                let action = parts.next().unwrap().to_owned();
                let created = if action == "comment" { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
                self.issues[number - 1].1.push(action);
                json(created, json!({"id": "7"}))
            }
        }
    }
}

async fn serve(State(jira): State<Arc<Mutex<Jira>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    assert!(request.headers()["authorization"].to_str().unwrap().starts_with("Basic "));
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    jira.lock().unwrap().answer(&path, &serde_json::from_slice(&body).unwrap())
}

/// A bench whose sink is a Jira.
async fn bench() -> (Bench, Arc<Mutex<Jira>>) {
    let (mut bench, jira) = (Bench::new().await, Arc::new(Mutex::new(Jira::default())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(serve).with_state(Arc::clone(&jira));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let token = format!("file:{}", bench.folders[1].path().join("key").display());
    let sink = json!({"name": "tickets", "type": "jira", "url": url, "user": "bot@acme.example", "token": token, "project": "SEC",
        "done_transition": "31", "allow_private": true, "start": "beginning", "interval_ms": 0});
    bench.config = serde_json::from_value(json!({"sinks": [sink]})).unwrap();
    (bench, jira)
}

impl Bench {
    /// Runs an exporter until so many messages are on record and everything up to now is done, and stops it.
    async fn run_until_done(&self) {
        let end = self.store.operations().reader().durable().unwrap().next_seq;
        let mut exporter = self.exporter();
        exporter.set_timing(crate::Timing {
            retry_min: Duration::from_millis(1),
            retry_max: Duration::from_millis(1),
            ..crate::Timing::default()
        });
        let stop = CancellationToken::new();
        let running = tokio::spawn(exporter.run(stop.clone()));
        self.until(|_, receipted| receipted >= end).await;
        stop.cancel();
        running.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_that_may_have_been_created_is_found_and_ends_after_a_restart() {
    let (bench, jira) = bench().await;
    jira.lock().unwrap().lies = 1;
    bench.append(&[alert_of(1, Severity::High), alert_of(2, Severity::High)]).await;
    bench.run_until_done().await;
    {
        let jira = jira.lock().unwrap();
        assert_eq!((jira.issues.len(), jira.searches), (2, 1), "the first is looked for and not created again");
    }
    let worse = Alert { revision: 2, state: operations::alert::State::Updated, ..alert_of(1, Severity::Critical) };
    bench.append(&[worse, Alert { revision: 3, ..resolved(1) }, resolved(2)]).await;
    bench.run_until_done().await;
    let jira = jira.lock().unwrap();
    let mut done: Vec<Vec<String>> = jira.issues.iter().map(|(_, done)| done.clone()).collect();
    done.sort();
    assert_eq!(done, vec![vec!["comment", "transitions"]; 2]);
    bench.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_issue_of_a_digest_ends_with_its_last_alert_after_a_restart() {
    let (bench, jira) = bench().await;
    let alerts: Vec<Alert> = (0..20).map(|number| alert_of(number, Severity::High)).collect();
    bench.append(&alerts).await;
    bench.run_until_done().await;
    let ends: Vec<Alert> = (0..20).map(resolved).collect();
    bench.append(&ends[..19]).await;
    bench.run_until_done().await;
    assert_eq!(jira.lock().unwrap().issues.iter().map(|(_, done)| done.len()).collect::<Vec<_>>(), [0]);
    bench.append(&ends[19..]).await;
    bench.run_until_done().await;
    let jira = jira.lock().unwrap();
    assert_eq!(
        (jira.issues.len(), jira.issues[0].1.as_slice()),
        (1, &["comment".to_owned(), "transitions".to_owned()][..])
    );
    bench.store.stop();
}

/// A Mattermost in memory: the posts that it took, and those that somebody deleted.
#[derive(Default)]
struct Mattermost {
    posts: Vec<Value>,
    deleted: Vec<String>,
}

async fn create_post(State(server): State<Arc<Mutex<Mattermost>>>, body: Bytes) -> Response {
    let mut server = server.lock().unwrap();
    let post: Value = serde_json::from_slice(&body).unwrap();
    if post["root_id"].as_str().is_some_and(|root| server.deleted.iter().any(|post| post == root)) {
        let error = json!({"id": "api.post.create_post.root_id.app_error", "status_code": 400});
        return (StatusCode::BAD_REQUEST, axum::Json(error)).into_response();
    }
    server.posts.push(post);
    (StatusCode::CREATED, axum::Json(json!({"id": post_id(server.posts.len())}))).into_response()
}

fn post_id(number: usize) -> String {
    format!("post{number:022}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_later_is_in_the_thread_of_the_post_and_alone_when_that_is_gone() {
    let (mut bench, server) = (Bench::new().await, Arc::new(Mutex::new(Mattermost::default())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/api/v4/posts", axum::routing::post(create_post)).with_state(Arc::clone(&server));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let token = format!("file:{}", bench.folders[1].path().join("key").display());
    let sink = json!({"name": "chat", "type": "mattermost", "url": url, "token": token, "channel": "4xp9fdt77pncbef59f4k1qe83o",
        "allow_private": true, "start": "beginning", "interval_ms": 0});
    bench.config = serde_json::from_value(json!({"sinks": [sink]})).unwrap();
    bench.append(&[alert_of(1, Severity::High), alert_of(2, Severity::High)]).await;
    bench.run_until_done().await;
    server.lock().unwrap().deleted.push(post_id(2));
    bench.append(&[resolved(1), resolved(2)]).await;
    bench.run_until_done().await;
    let server = server.lock().unwrap();
    let roots: Vec<Option<&str>> = server.posts.iter().map(|post| post["root_id"].as_str()).collect();
    assert_eq!(roots, [None, None, Some(post_id(1).as_str()), None]);
    assert!(server.posts[3]["message"].as_str().unwrap().contains("RESOLVED"));
    bench.store.stop();
}
