//! What is known about requests and their destinations, whichever rule asks: what a request says, what kind of place it goes
//! to, who went there before. No rule stands here.

pub mod evidence;
pub mod exposure;
pub mod known;
pub mod lookup;
pub mod names;
pub mod payload;
pub mod popular;
pub mod reach;
pub mod request;
pub mod secret;
pub mod seen_agents;
mod services;
pub mod tenant;
