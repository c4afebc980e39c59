//! What a server is told while it runs: by the signals of its process, or by the part of the program that runs it.

use tokio::sync::{mpsc, oneshot};

use super::Addresses;
use super::signals::{Signal, Signals};
use crate::exit::Failure;

/// What is to be done.
#[derive(Debug)]
pub enum Order {
    /// End in order. The name of who said so is for the log.
    Stop(&'static str),
    /// Read the configuration again, and say to whoever waits what came of it.
    Reload(Option<oneshot::Sender<Result<(), Failure>>>),
}

/// Where orders come from.
pub enum Orders {
    /// The signals of this process.
    Signals(Signals),
    /// Whoever holds the handle.
    Handle {
        /// What it says.
        orders: mpsc::Receiver<Order>,
        /// Where it hears that the server is ready.
        ready: Option<oneshot::Sender<Addresses>>,
    },
}

/// A server in this process, as whoever runs it holds it. Dropping it stops the server.
pub struct Handle {
    orders: mpsc::Sender<Order>,
    ready: Option<oneshot::Receiver<Addresses>>,
}

impl Orders {
    /// The signals, from now on: one during a long recovery is not lost.
    pub fn of_signals() -> std::io::Result<Self> {
        Signals::listen().map(Self::Signals)
    }

    /// Orders that come by a handle.
    pub fn of_handle() -> (Self, Handle) {
        let (sender, orders) = mpsc::channel(1);
        let (ready, hears) = oneshot::channel();
        (Self::Handle { orders, ready: Some(ready) }, Handle { orders: sender, ready: Some(hears) })
    }

    /// Says that the server takes events and answers.
    pub fn tell_ready(&mut self, addresses: Addresses) {
        if let Self::Handle { ready, .. } = self
            && let Some(ready) = ready.take()
        {
            // Whoever does not wait for it need not hear it.
            let _ = ready.send(addresses);
        }
    }

    /// The next order.
    pub async fn next(&mut self) -> Order {
        match self {
            Self::Signals(signals) => match signals.next().await {
                Signal::Stop(name) => Order::Stop(name),
                Signal::Reload => Order::Reload(None),
            },
            Self::Handle { orders, .. } => orders.recv().await.unwrap_or(Order::Stop("the end of who runs it")),
        }
    }
}

impl Handle {
    /// Waits until the server is ready; `None` if it ended instead.
    pub async fn ready(&mut self) -> Option<Addresses> {
        self.ready.take()?.await.ok()
    }

    /// Has the configuration read again; done when it is in effect.
    pub async fn reload(&self) -> Result<(), Failure> {
        let (answer, said) = oneshot::channel();
        let ended = || Failure::from(anyhow::anyhow!("the server has ended"));
        self.orders.send(Order::Reload(Some(answer))).await.map_err(|_| ended())?;
        said.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Has the server end in order.
    pub async fn stop(&self, name: &'static str) {
        // If nobody hears it, it has ended.
        let _ = self.orders.send(Order::Stop(name)).await;
    }
}
