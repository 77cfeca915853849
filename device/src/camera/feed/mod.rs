//! The camera's own thread.
//!
//! Whatever a camera does, nobody waits for it: the thread owns it, looks at
//! each preview picture with the function it was given, and leaves the newest
//! for whoever asks. It opens the camera, and opens it again when it was lost,
//! until the [`Feed`] is dropped.

mod slot;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{
    sync_channel, Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, thread};

use super::{guarded, Camera, CameraError, Frame};
use crate::exam::words::Eye;
use slot::Slot;
pub use slot::{Live, Status};

/// How patient the thread is.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// How long the next picture is waited for: longer than any rate that is
    /// chosen for a preview needs.
    picture: Duration,
    /// How long before a lost camera is tried again.
    retry: Duration,
}

const PATIENCE: Patience = Patience {
    picture: Duration::from_secs(2),
    retry: Duration::from_millis(500),
};

/// Bad pictures in a row after which a camera counts as lost, and is opened
/// anew: a third of a second of them, at thirty a second.
const TOLERATED: u32 = 10;

/// Commands that may wait, and photographs that nobody has fetched.
const WAITING: usize = 8;

/// A camera at work in its own thread. Dropping this lets it go; the thread
/// ends after the picture it waits for.
pub struct Feed<T> {
    slot: Arc<Slot<T>>,
    commands: SyncSender<Command>,
    stills: Receiver<Taken>,
    alive: Arc<Alive>,
}

/// A photograph in full resolution, with an id of its own, or why there is none.
pub type Taken = Result<Frame, CameraError>;

/// What the thread was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Still,
    Aim(Eye),
}

impl<T: Send + 'static> Feed<T> {
    /// Starts the thread. `open` opens the camera, for the first time and
    /// again after every loss; `assess` looks at each preview picture, in this
    /// thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        open: impl FnMut() -> Result<Box<dyn Camera>, CameraError> + Send + 'static,
        assess: impl FnMut(&Frame) -> T + Send + 'static,
    ) -> io::Result<Feed<T>> {
        Feed::patient(PATIENCE, open, assess)
    }

    fn patient(
        patience: Patience,
        open: impl FnMut() -> Result<Box<dyn Camera>, CameraError> + Send + 'static,
        assess: impl FnMut(&Frame) -> T + Send + 'static,
    ) -> io::Result<Feed<T>> {
        let slot = Arc::new(Slot::new());
        let (commands, asked) = sync_channel(WAITING);
        let (answering, stills) = sync_channel(WAITING);
        let alive = Arc::new(Alive::new());
        let worker = Worker {
            slot: slot.clone(),
            commands: asked,
            stills: answering,
            open,
            assess,
            patience,
            frame: Frame::default(),
            last_id: 0,
            aimed: None,
            alive: alive.clone(),
        };
        thread::Builder::new()
            .name("camera".to_owned())
            .spawn(move || worker.run())?;
        Ok(Feed {
            slot,
            commands,
            stills,
            alive,
        })
    }

    /// How long the thread has given no sign of life. It gives one after every
    /// picture and every try, so that seconds are usual; longer, and a driver
    /// does not come back.
    pub fn silent(&self) -> Duration {
        self.alive.since()
    }

    /// How the camera is.
    pub fn status(&self) -> Status {
        self.slot.status()
    }

    /// Swaps the newest picture into `seen` and says so, unless there is none
    /// since the last time. What `seen` held before is used again.
    pub fn take(&self, seen: &mut Option<Live<T>>) -> bool {
        self.slot.take(seen)
    }

    /// Asks for a photograph in full resolution. The answer comes later; while
    /// the camera is lost, it is that error. False when so much was asked for
    /// already that this is not heard.
    pub fn still(&self) -> bool {
        self.ask(Command::Still)
    }

    /// Says which eye is about to be photographed. False as with
    /// [`Feed::still`].
    pub fn aim(&self, eye: Eye) -> bool {
        self.ask(Command::Aim(eye))
    }

    /// What came of the next photograph that was asked for, in the order of
    /// asking, or nothing yet. No photograph is thrown away: with eight of them
    /// not fetched, the thread waits.
    pub fn photograph(&self) -> Option<Taken> {
        self.stills.try_recv().ok()
    }

    fn ask(&self, command: Command) -> bool {
        match self.commands.try_send(command) {
            Ok(()) => true,
            // Full: the thread is busy. Gone: the status says why.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

/// The [`Feed`] was dropped.
struct Over;

/// Why the thread is done with a camera.
enum End {
    Over,
    Lost(CameraError),
}

impl From<Over> for End {
    fn from(_: Over) -> End {
        End::Over
    }
}

/// What the thread owns.
struct Worker<T, O, A> {
    slot: Arc<Slot<T>>,
    commands: Receiver<Command>,
    stills: SyncSender<Taken>,
    open: O,
    assess: A,
    patience: Patience,
    /// The picture that is filled next.
    frame: Frame,
    last_id: u64,
    /// Where was aimed, for a camera that comes back.
    aimed: Option<Eye>,
    alive: Arc<Alive>,
}

/// When the thread last gave a sign of life.
struct Alive {
    base: Instant,
    /// In milliseconds since `base`.
    last: AtomicU64,
}

impl Alive {
    fn new() -> Alive {
        Alive {
            base: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    fn now(&self) {
        let now = self.base.elapsed().as_millis() as u64;
        self.last.store(now, Ordering::Relaxed);
    }

    fn since(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.base.elapsed().saturating_sub(last)
    }
}

impl<T, O, A> Worker<T, O, A>
where
    O: FnMut() -> Result<Box<dyn Camera>, CameraError>,
    A: FnMut(&Frame) -> T,
{
    fn run(mut self) {
        // A picture that stands still must not look live if this thread dies.
        let _last_word = LastWord(self.slot.clone());
        loop {
            let end = match guarded(&mut self.open) {
                Ok(mut camera) => {
                    let end = self.watch(camera.as_mut());
                    // Its destructor talks to the driver, too.
                    let closed = guarded(|| {
                        drop(camera);
                        Ok(())
                    });
                    match (end, closed) {
                        (End::Lost(_), Err(error)) => End::Lost(error),
                        (end, _) => end,
                    }
                }
                Err(error) => End::Lost(error),
            };
            let End::Lost(why) = end else {
                return;
            };
            self.slot.lost(why.clone());
            if let Err(Over) = self.pause(&why) {
                return;
            }
        }
    }

    /// Shows what the camera sees until it is lost.
    fn watch(&mut self, camera: &mut dyn Camera) -> End {
        if let Some(eye) = self.aimed {
            camera.aim(eye);
        }
        let mut live = false;
        let mut bad = 0;
        loop {
            if let Err(end) = self.obey(camera) {
                return end;
            }
            self.alive.now();
            let wait = self.patience.picture;
            let next = guarded(|| camera.next(&mut self.frame, wait));
            match next.and_then(|()| self.publish()) {
                Ok(()) => {
                    bad = 0;
                    // Not before: a camera that opens and then stalls is not live.
                    if !live {
                        self.slot.live(camera.about());
                        live = true;
                    }
                }
                Err(error) if error.passes() && bad < TOLERATED => bad += 1,
                Err(error) => return End::Lost(error),
            }
        }
    }

    fn publish(&mut self) -> Result<(), CameraError> {
        let mut frame = std::mem::take(&mut self.frame);
        frame.id = self.next_id();
        let assessment = guarded(|| Ok((self.assess)(&frame)))?;
        self.frame = self.slot.put(Live { frame, assessment });
        Ok(())
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Does what was asked for.
    fn obey(&mut self, camera: &mut dyn Camera) -> Result<(), End> {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Still) => {
                    self.alive.now();
                    let mut frame = Frame::default();
                    let taken = guarded(|| camera.still(&mut frame));
                    frame.id = self.next_id();
                    self.answer(taken.clone().map(|()| frame))?;
                    lasting(taken)?;
                }
                Ok(Command::Aim(eye)) => {
                    self.aimed = Some(eye);
                    camera.aim(eye);
                }
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(End::Over),
            }
        }
    }

    /// Waits before the camera is tried again, and answers that it is lost.
    fn pause(&mut self, why: &CameraError) -> Result<(), Over> {
        loop {
            self.alive.now();
            match self.commands.recv_timeout(self.patience.retry) {
                Ok(Command::Still) => self.answer(Err(why.clone()))?,
                Ok(Command::Aim(eye)) => self.aimed = Some(eye),
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => return Err(Over),
            }
        }
    }

    /// An answer is never thrown away: a photograph may be in it.
    fn answer(&self, taken: Taken) -> Result<(), Over> {
        self.stills.send(taken).map_err(|_| Over)
    }
}

/// The loss in a result, if it does not pass.
fn lasting(result: Result<(), CameraError>) -> Result<(), End> {
    match result {
        Err(error) if !error.passes() => Err(End::Lost(error)),
        _ => Ok(()),
    }
}

/// Says that no more pictures come when the thread panics.
struct LastWord<T>(Arc<Slot<T>>);

impl<T> Drop for LastWord<T> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lost(CameraError::BrokeDown { reason: None });
        }
    }
}
