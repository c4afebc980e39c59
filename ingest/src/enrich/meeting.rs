//! Meetings of a boundary's requests with the gateway's model calls: the rule `joined:url-time`.
//!
//! A boundary sees a POST to the gateway at T; the gateway starts a model call of one session at T..T+2 s. Where exactly
//! one boundary and one session meet in one workspace, the boundary's session belongs to that session.

use std::collections::VecDeque;
use std::sync::Arc;

use super::bounded::Bounded;
use crate::limits;

/// A call starts less than this after the request that carries it.
const MEETING_US: i64 = 2_000_000;

/// An allowed POST to the gateway.
#[derive(Debug, Clone, Copy)]
pub(super) struct Post {
    pub time: i64,
    /// The boundary's session.
    pub boundary: u64,
}

/// The start of a model call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub time: i64,
    /// The agent's session, if the client names it.
    pub session: Option<Arc<str>>,
}

/// The latest posts and calls of one workspace or user.
#[derive(Debug, Default)]
struct Meeting {
    posts: VecDeque<Post>,
    calls: VecDeque<Call>,
}

/// The latest posts and calls of all workspaces and users.
#[derive(Debug)]
pub(super) struct Meetings {
    places: Bounded<Meeting>,
}

impl Meetings {
    pub fn new() -> Self {
        Self { places: Bounded::new(limits::MEETINGS_MAX) }
    }

    /// Takes a post and names the boundary and the session that meet, if nothing speaks against it.
    pub fn post(&mut self, place: u64, post: Post) -> Option<(u64, Arc<str>)> {
        let place = self.places.get_or_insert(place, Meeting::default);
        push(&mut place.posts, post);
        let met: Vec<Call> = place.calls.iter().filter(|call| meet(&post, call)).cloned().collect();
        met.iter().find_map(|call| place.pair(call))
    }

    /// Takes a call and names the boundary and the session that meet, if nothing speaks against it.
    pub fn call(&mut self, place: u64, call: &Call) -> Option<(u64, Arc<str>)> {
        let place = self.places.get_or_insert(place, Meeting::default);
        push(&mut place.calls, call.clone());
        place.pair(call)
    }
}

impl Meeting {
    fn pair(&self, call: &Call) -> Option<(u64, Arc<str>)> {
        let session = call.session.as_ref()?;
        let mut posts = self.posts.iter().filter(|post| meet(post, call));
        let boundary = posts.next()?.boundary;
        let one_boundary = posts.all(|post| post.boundary == boundary);
        let posts = self.posts.iter().filter(|post| meet(post, call));
        let one_session = posts
            .flat_map(|post| self.calls.iter().filter(move |other| meet(post, other)))
            .all(|other| other.session.as_ref() == Some(session));
        (one_boundary && one_session).then(|| (boundary, Arc::clone(session)))
    }
}

fn meet(post: &Post, call: &Call) -> bool {
    (0..MEETING_US).contains(&call.time.saturating_sub(post.time))
}

fn push<T>(side: &mut VecDeque<T>, value: T) {
    if side.len() >= limits::MEETING_SIDES_MAX {
        side.pop_front();
    }
    side.push_back(value);
}
