//! A wire between services and a server, with a hand on it: it can be cut, stalled without a word, slowed down, made to
//! lose an answer whose question arrived, and, as it can tell AMQP's frames apart, made to lose confirms or
//! acknowledgements alone.

mod frames;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

pub use frames::Frames;

/// What the wire does with what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Carries it.
    Pass,
    /// Lets nobody in; who is in stays in.
    Refuse,
    /// Carries nothing and tells nobody.
    Stall,
    /// Carries it later.
    Delay(Duration),
    /// Keeps AMQP's acknowledgements from the server to itself: its confirms.
    SwallowConfirms,
    /// Keeps AMQP's acknowledgements to the server to itself: the consumers'.
    SwallowAcks,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

/// A wire; dropping it cuts it.
pub struct Wire {
    near: SocketAddr,
    hand: Arc<Hand>,
    closing: CancellationToken,
}

struct Hand {
    far: Mutex<String>,
    mode: watch::Sender<Mode>,
    cut: Mutex<CancellationToken>,
    /// How many more answers to questions that contain this get lost.
    doomed: Mutex<(&'static [u8], usize)>,
    lost: AtomicUsize,
    frames: bool,
}

impl Wire {
    /// A wire to `far`, as `host:port`. With `amqp` it reads frames.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn to(far: String, amqp: bool) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for a wire")?;
        let near = listener.local_addr()?;
        let hand = Arc::new(Hand {
            far: Mutex::new(far),
            mode: watch::Sender::new(Mode::Pass),
            cut: Mutex::default(),
            doomed: Mutex::new((b"", 0)),
            lost: AtomicUsize::new(0),
            frames: amqp,
        });
        let closing = CancellationToken::new();
        let (taken, until) = (Arc::clone(&hand), closing.clone());
        tokio::spawn(async move { until.run_until_cancelled(accept(listener, taken)).await });
        Ok(Self { near, hand, closing })
    }

    /// Where clients find it.
    #[must_use]
    pub fn near(&self) -> SocketAddr {
        self.near
    }

    /// From now on it leads to another server, as a load balancer's address does; every connection ends.
    pub fn lead_to(&self, far: String) {
        *self.hand.far.lock().unwrap_or_else(PoisonError::into_inner) = far;
        self.cut();
    }

    /// From now on it does this.
    pub fn set(&self, mode: Mode) {
        self.hand.mode.send_replace(mode);
    }

    /// Every connection ends here and now; new ones may come.
    pub fn cut(&self) {
        let mut cut = self.hand.cut.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *cut).cancel();
    }

    /// The next `times` questions that contain `words` arrive, and their connection ends before the answer does.
    pub fn lose_answers_to(&self, words: &'static [u8], times: usize) {
        *self.hand.doomed.lock().unwrap_or_else(PoisonError::into_inner) = (words, times);
    }

    /// How much it has swallowed or lost so far, for those who want to know that a fault was one.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.hand.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.closing.cancel();
        self.cut();
    }
}

async fn accept(listener: TcpListener, hand: Arc<Hand>) {
    while let Ok((near, _)) = listener.accept().await {
        if *hand.mode.borrow() == Mode::Refuse {
            continue;
        }
        let hand = Arc::clone(&hand);
        let far = hand.far.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let cut = hand.cut.lock().unwrap_or_else(PoisonError::into_inner).clone();
        tokio::spawn(async move {
            let Ok(far) = TcpStream::connect(far).await else { return };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
            let mute = AtomicBool::new(false);
            let up = Carrier { hand: &hand, way: Way::ToServer, mute: &mute };
            let down = Carrier { hand: &hand, way: Way::ToClient, mute: &mute };
            tokio::select! {
                _ = up.carry(from_near, to_far) => {}
                _ = down.carry(from_far, to_near) => {}
                () = cut.cancelled() => {}
            }
        });
    }
}

/// One direction of one connection.
struct Carrier<'a> {
    hand: &'a Hand,
    way: Way,
    /// The next answer on this connection gets lost, and the connection with it.
    mute: &'a AtomicBool,
}

impl Carrier<'_> {
    async fn carry(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> std::io::Result<()> {
        let mut mode = self.hand.mode.subscribe();
        let mut frames = self.hand.frames.then(|| Frames::new(self.way == Way::ToServer));
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            let _ = mode.wait_for(|mode| *mode != Mode::Stall).await;
            let now = *mode.borrow_and_update();
            if let Mode::Delay(pause) = now {
                sleep(pause).await;
            }
            if self.way == Way::ToClient && self.mute.load(Ordering::Acquire) {
                self.hand.lost.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            if self.way == Way::ToServer && self.is_doomed(&buffer[..read]) {
                self.mute.store(true, Ordering::Release);
            }
            match &mut frames {
                None => to.write_all(&buffer[..read]).await?,
                Some(frames) => {
                    let (kept, swallowed) = frames.pass(&buffer[..read], self.swallows(now));
                    self.hand.lost.fetch_add(swallowed, Ordering::Relaxed);
                    to.write_all(&kept).await?;
                }
            }
        }
    }

    fn swallows(&self, mode: Mode) -> bool {
        match mode {
            Mode::SwallowConfirms => self.way == Way::ToClient,
            Mode::SwallowAcks => self.way == Way::ToServer,
            Mode::Pass | Mode::Refuse | Mode::Stall | Mode::Delay(_) => false,
        }
    }

    fn is_doomed(&self, question: &[u8]) -> bool {
        let mut doomed = self.hand.doomed.lock().unwrap_or_else(PoisonError::into_inner);
        let (words, left) = *doomed;
        let found = left > 0 && question.windows(words.len()).any(|window| window == words);
        if found {
            doomed.1 -= 1;
        }
        found
    }
}
