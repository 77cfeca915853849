use std::sync::mpsc::{channel, Sender};
use std::sync::Mutex;
use std::time::Instant;

use super::*;
use crate::camera::{About, Clock, ConvertError, Stamps};

/// Loses no time where a real camera would be waited for.
const HASTY: Patience = Patience {
    picture: Duration::ZERO,
    retry: Duration::from_millis(1),
};

/// What a fake camera does next.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Picture,
    Corrupt,
    Stall,
    Vanish,
    Panic,
}

/// A camera that does as it is told, one deed a picture, and pictures for ever
/// after. A picture's level of grey counts up.
struct Fake {
    deeds: std::vec::IntoIter<Deed>,
    level: u8,
    heard: Sender<Heard>,
    clock: Clock,
}

#[derive(Debug, PartialEq)]
enum Heard {
    Opened,
    Aim(Eye),
    Closed,
}

fn fake() -> About {
    About::Drawn {
        names: vec!["a fake"],
        side: 4,
        rate: 1000,
    }
}

fn gone() -> CameraError {
    CameraError::Unplugged {
        place: "the fake".to_owned(),
    }
}

impl Camera for Fake {
    fn about(&self) -> About {
        fake()
    }

    fn next(&mut self, frame: &mut Frame, _wait: Duration) -> Result<(), CameraError> {
        let place = "the fake".to_owned();
        match self.deeds.next().unwrap_or(Deed::Picture) {
            Deed::Picture => {
                // Lets others run: a real camera takes its time.
                thread::sleep(Duration::from_millis(1));
                self.level = self.level.wrapping_add(1);
                frame.pixels(4, 2).fill(self.level);
                frame.stamps = Stamps::at(self.clock.now());
                Ok(())
            }
            Deed::Corrupt => Err(CameraError::Corrupt {
                place,
                reason: ConvertError::EndsEarly,
            }),
            Deed::Stall => Err(CameraError::Stalled { place }),
            Deed::Vanish => Err(gone()),
            Deed::Panic => panic!("a decoder's own bug"),
        }
    }

    fn still(&mut self, frame: &mut Frame) -> Result<(), CameraError> {
        frame.pixels(40, 20).fill(200);
        frame.stamps = Stamps::at(self.clock.now());
        Ok(())
    }

    fn aim(&mut self, eye: Eye) {
        let _ = self.heard.send(Heard::Aim(eye));
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.heard.send(Heard::Closed);
    }
}

/// Opens the cameras in turn; an error when it is that one's turn, and the
/// last error again for ever.
fn turns(
    turns: Vec<Result<Vec<Deed>, CameraError>>,
) -> (
    impl FnMut() -> Result<Box<dyn Camera>, CameraError> + Send,
    Receiver<Heard>,
) {
    let (heard, hear) = channel();
    let clock = Clock::start();
    let mut turns = turns.into_iter();
    let open = move || {
        let deeds = turns.next().unwrap_or_else(|| Err(gone()))?;
        let _ = heard.send(Heard::Opened);
        Ok(Box::new(Fake {
            deeds: deeds.into_iter(),
            level: 0,
            heard: heard.clone(),
            clock,
        }) as Box<dyn Camera>)
    };
    (open, hear)
}

fn feed(cameras: Vec<Result<Vec<Deed>, CameraError>>) -> (Feed<u8>, Receiver<Heard>) {
    let (open, heard) = turns(cameras);
    let assess = |frame: &Frame| frame.rgb.get_pixel(0, 0)[0];
    (Feed::patient(HASTY, open, assess).unwrap(), heard)
}

/// Asks until there is an answer. The time only ends a test that has failed.
fn wait_for<R>(what: &str, mut ask: impl FnMut() -> Option<R>) -> R {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "no {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn wait_for_status(feed: &Feed<u8>, wanted: impl Fn(&Status) -> bool) -> Status {
    wait_for("such status", || Some(feed.status()).filter(&wanted))
}

fn wait_for_picture(feed: &Feed<u8>) -> Live<u8> {
    let mut seen = None;
    wait_for("picture", || {
        feed.take(&mut seen).then(|| seen.take()).flatten()
    })
}

#[test]
fn pictures_come_with_their_own_assessment_and_ids_that_count_up() {
    let (feed, _heard) = feed(vec![Ok(vec![])]);
    let mut last = 0;
    for _ in 0..5 {
        let live = wait_for_picture(&feed);
        assert!(live.frame.id > last, "{} after {last}", live.frame.id);
        last = live.frame.id;
        assert_eq!(live.assessment, live.frame.rgb.get_pixel(3, 1)[0]);
        assert!(live.frame.stamps.captured.is_some());
    }
    let live = wait_for_status(&feed, |status| matches!(status, Status::Live(_)));
    assert_eq!(live, Status::Live(fake().into()));
}

#[test]
fn the_slot_keeps_the_newest_only_and_gives_it_once() {
    let slot = Slot::new();
    let live = |id| Live {
        frame: Frame {
            id,
            ..Frame::default()
        },
        assessment: id,
    };
    let mut seen = None;
    assert!(!slot.take(&mut seen));
    for id in 1..=3 {
        slot.put(live(id));
    }
    assert!(slot.take(&mut seen));
    assert_eq!(seen.as_ref().map(|live| live.frame.id), Some(3));
    assert!(!slot.take(&mut seen), "the same twice");
    slot.put(live(4));
    slot.lost(gone());
    assert!(!slot.take(&mut seen), "not live any more");
}

#[test]
fn three_pictures_go_round_for_ever() {
    let slot = Slot::new();
    let (mut frame, mut seen) = (Frame::default(), None);
    let mut memory = std::collections::BTreeSet::new();
    for turn in 0..50 {
        frame.pixels(8, 8).fill(turn);
        memory.insert(frame.rgb.as_raw().as_ptr());
        frame = slot.put(Live {
            frame,
            assessment: turn,
        });
        // Sometimes the reader is slower than the camera.
        if turn % 3 != 0 {
            assert!(slot.take(&mut seen));
        }
    }
    assert_eq!(memory.len(), 3);
}

#[test]
fn some_bad_pictures_are_passed_over_and_many_are_a_loss() {
    let some = vec![Deed::Corrupt; TOLERATED as usize];
    let many = vec![Deed::Corrupt; TOLERATED as usize + 1];
    let (feed, heard) = feed(vec![Ok(some), Ok(many)]);
    wait_for_status(&feed, |status| matches!(status, Status::Live(_)));
    drop(feed);
    assert_eq!(
        heard.iter().collect::<Vec<_>>(),
        [Heard::Opened, Heard::Closed]
    );

    // It stays lost: the next try would tell another loss.
    let patience = Patience {
        retry: Duration::from_secs(60),
        ..HASTY
    };
    let (open, _heard) = turns(vec![Ok(vec![Deed::Corrupt; TOLERATED as usize + 1])]);
    let feed = Feed::patient(patience, open, |_| 0).unwrap();
    let lost = wait_for_status(&feed, |status| matches!(status, Status::Lost(_)));
    assert!(matches!(lost, Status::Lost(CameraError::Corrupt { .. })));
}

#[test]
fn a_camera_that_stalls_vanishes_or_breaks_its_driver_is_opened_again() {
    for deed in [Deed::Stall, Deed::Vanish, Deed::Panic] {
        // The gate keeps the camera away until the loss was seen.
        let gate = Arc::new(Mutex::new(()));
        let closed = gate.lock().unwrap();
        let (mut open, heard) = turns(vec![Ok(vec![Deed::Picture, deed]), Ok(vec![])]);
        let (behind, mut first) = (gate.clone(), true);
        let gated = move || {
            if !std::mem::take(&mut first) {
                drop(behind.lock());
            }
            open()
        };
        let feed = Feed::patient(HASTY, gated, |_| 0).unwrap();
        let lost = wait_for_status(&feed, |status| matches!(status, Status::Lost(_)));
        let Status::Lost(error) = lost else {
            unreachable!()
        };
        let told = match deed {
            Deed::Stall => matches!(error, CameraError::Stalled { .. }),
            Deed::Vanish => matches!(error, CameraError::Unplugged { .. }),
            _ => matches!(error, CameraError::BrokeDown { .. }),
        };
        assert!(told, "{deed:?}: {error}");
        let mut seen = None;
        assert!(!feed.take(&mut seen), "{deed:?}: a dead picture looks live");
        assert_eq!(heard.recv(), Ok(Heard::Opened));
        assert_eq!(heard.recv(), Ok(Heard::Closed), "{deed:?}");

        drop(closed);
        wait_for_status(&feed, |status| matches!(status, Status::Live(_)));
        assert!(wait_for_picture(&feed).frame.id > 1, "ids go on");
    }
}

#[test]
fn a_camera_that_is_not_there_yet_is_waited_for() {
    let absent = || Err(CameraError::NoneFound);
    let (feed, _heard) = feed(vec![absent(), absent(), absent(), Ok(vec![])]);
    wait_for_status(&feed, |status| matches!(status, Status::Live(_)));
}

#[test]
fn a_camera_that_opens_but_sends_nothing_never_looks_live() {
    let stalls = || Ok(vec![Deed::Stall]);
    let (feed, heard) = feed(vec![stalls(), stalls(), stalls()]);
    for _ in 0..3 {
        wait_for("opening", || {
            assert!(!matches!(feed.status(), Status::Live(_)));
            (heard.try_recv() == Ok(Heard::Opened)).then_some(())
        });
    }
}

#[test]
fn a_photograph_is_taken_while_the_preview_runs() {
    let (feed, _heard) = feed(vec![Ok(vec![])]);
    let before = wait_for_picture(&feed).frame.id;
    assert!(feed.still());
    let Ok(photograph) = wait_for("answer", || feed.photograph()) else {
        panic!("no photograph");
    };
    assert_eq!(photograph.rgb.dimensions(), (40, 20));
    assert!(photograph.id > before);
    assert_ne!(wait_for_picture(&feed).frame.id, photograph.id);
}

#[test]
fn what_is_asked_of_a_lost_camera_is_answered_with_the_loss() {
    let (feed, _heard) = feed(vec![]);
    wait_for_status(&feed, |status| matches!(status, Status::Lost(_)));
    assert!(feed.still());
    let Err(error) = wait_for("answer", || feed.photograph()) else {
        panic!("a photograph without a camera");
    };
    assert_eq!(error, gone());
}

#[test]
fn a_camera_that_comes_back_is_aimed_as_before() {
    // The first camera goes on until it was aimed.
    let (open, heard) = turns(vec![Ok(vec![Deed::Picture; 200]), Ok(vec![])]);
    let mut open = open;
    let mut cameras = 0;
    let vanishing = move || {
        cameras += 1;
        let camera = open()?;
        Ok(if cameras == 1 {
            Box::new(UntilAimed(camera, false)) as Box<dyn Camera>
        } else {
            camera
        })
    };
    let feed = Feed::patient(HASTY, vanishing, |_| 0u8).unwrap();
    assert!(feed.aim(Eye::Left));
    let once = || [Heard::Opened, Heard::Aim(Eye::Left)];
    let all: Vec<Heard> = heard.iter().take(5).collect();
    assert_eq!(all[..2], once());
    assert_eq!(all[2], Heard::Closed);
    assert_eq!(all[3..], once());
}

/// A camera that vanishes as soon as it was aimed.
struct UntilAimed(Box<dyn Camera>, bool);

impl Camera for UntilAimed {
    fn about(&self) -> About {
        self.0.about()
    }

    fn next(&mut self, frame: &mut Frame, wait: Duration) -> Result<(), CameraError> {
        if self.1 {
            return Err(gone());
        }
        self.0.next(frame, wait)
    }

    fn still(&mut self, frame: &mut Frame) -> Result<(), CameraError> {
        self.0.still(frame)
    }

    fn aim(&mut self, eye: Eye) {
        self.0.aim(eye);
        self.1 = true;
    }
}

#[test]
fn dropping_the_feed_lets_the_camera_go() {
    let (feed, heard) = feed(vec![Ok(vec![])]);
    wait_for_picture(&feed);
    drop(feed);
    assert_eq!(heard.iter().last(), Some(Heard::Closed));
}

#[test]
fn an_assessment_that_breaks_down_is_a_loss_that_the_thread_survives() {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap();
    let (mut open, _heard) = turns(vec![Ok(vec![]), Ok(vec![])]);
    let (behind, mut first) = (gate.clone(), true);
    let gated = move || {
        if !std::mem::take(&mut first) {
            drop(behind.lock());
        }
        open()
    };
    let assess = |frame: &Frame| assert_ne!(frame.id, 2, "an assessment's own bug");
    let feed = Feed::patient(HASTY, gated, assess).unwrap();
    let lost = wait_for("loss", || match feed.status() {
        Status::Lost(error) => Some(error),
        _ => None,
    });
    assert!(matches!(lost, CameraError::BrokeDown { .. }), "{lost}");
    drop(closed);
    wait_for("picture", || {
        matches!(feed.status(), Status::Live(_)).then_some(())
    });
    assert!(feed.still());
    assert!(feed.silent() < Duration::from_secs(60));
}
