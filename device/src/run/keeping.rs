//! The thread that keeps records: it owns the store, so that the interface
//! never waits for a disk.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use image::RgbImage;
use jiff::ZonedDateTime;

use super::pulse::Pulse;
use crate::config;
use crate::exam::{Cause, ExamId, ExamRecord, ShotId, Trouble};
use crate::health::check::Found;
use crate::records::{
    Glance, Listing, Profile, Provenance, Room, Stills, Store, StoreError, Unended,
};

/// Something to be done with the store, in the order of asking.
pub(super) enum Request {
    /// May an exam begin, whose stills have this width and height?
    Open((u32, u32)),
    /// Put this photograph on the disk.
    Photograph(ShotId, Pixels),
    /// Keep an exam that goes on.
    Keep(Box<ExamRecord>),
    /// Keep an exam for good.
    Save(Box<ExamRecord>),
    /// An exam is over: what waits for it need not.
    Release,
    /// List today's exams.
    Today,
    /// For the self-test: how is the store, and has it room for an exam whose
    /// stills have this width and height?
    Try((u32, u32), Sender<Condition>),
}

/// A photograph on its way to the disk.
#[derive(Clone)]
pub(super) struct Pixels {
    pub photograph: Arc<RgbImage>,
    /// What the camera's profile made it of.
    pub original: Option<Arc<RgbImage>>,
}

/// The store, as the self-test sees it.
pub(super) struct Condition {
    pub stored: Result<Glance, Found>,
    pub room: Result<Room, Found>,
}

/// What the thread has to say.
pub(super) enum Answer {
    /// An exam may begin under this id.
    Opened(ExamId),
    /// No exam may begin, and why.
    Refused(Cause),
    /// Kept for good, as so many-th exam of the store.
    Saved(ExamId, i64),
    NotSaved(ExamId, Cause),
    /// Today's exams; or why they cannot be listed.
    Today(Result<Listing, StoreError>),
}

/// The keeping thread. It ends when this is dropped, after all that was asked
/// for is done.
pub(super) struct StoreThread {
    requests: Option<Sender<Request>>,
    answers: Receiver<Answer>,
    pulse: Pulse,
    thread: Option<thread::JoinHandle<()>>,
}

impl StoreThread {
    /// Starts the thread; `provenance` goes into every record, and the camera's
    /// `profile` beside every original.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        store: config::Store,
        provenance: Provenance,
        profile: Option<Profile>,
    ) -> io::Result<StoreThread> {
        let (requests, asked) = channel();
        let (answering, answers) = channel();
        let pulse = Pulse::new();
        let mut keeper = Keeper {
            folder: store.folder,
            least: u64::from(store.least_free_mb.get()) * 1_000_000,
            provenance,
            profile,
            store: None,
            unended: Unended::default(),
            unwritten: BTreeMap::new(),
            answers: answering,
        };
        let thread = thread::Builder::new().name("store".to_owned()).spawn({
            let pulse = pulse.clone();
            move || {
                for request in asked {
                    let waits = Waits::of(&request);
                    let done = pulse.job(|| keeper.obey(request));
                    done.unwrap_or_else(|why| keeper.broke_down(waits, &why));
                }
            }
        })?;
        Ok(StoreThread {
            requests: Some(requests),
            answers,
            pulse,
            thread: Some(thread),
        })
    }

    pub fn ask(&self, request: Request) {
        let heard = self.requests.as_ref().map(|to| to.send(request));
        if !matches!(heard, Some(Ok(()))) {
            tracing::error!("the store's thread has ended");
        }
    }

    /// The next answer, if one has come.
    pub fn answer(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }

    /// How long the thread has been busy with one request; none where it has
    /// ended.
    pub fn busy(&self) -> Option<Duration> {
        let thread = self.thread.as_ref()?;
        (!thread.is_finished()).then(|| self.pulse.busy())
    }

    /// For asking from another thread.
    pub fn requests(&self) -> Option<Sender<Request>> {
        self.requests.clone()
    }
}

impl Drop for StoreThread {
    /// Waits for what was asked for: the program must not end in the middle of
    /// a save.
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was said when it happened.
            let _ = thread.join();
        }
    }
}

/// What waits for an answer to a request.
enum Waits {
    Opening,
    Saving(ExamId),
    Nothing,
}

impl Waits {
    fn of(request: &Request) -> Waits {
        match request {
            Request::Open(..) => Waits::Opening,
            Request::Save(exam) => Waits::Saving(exam.id.clone()),
            _ => Waits::Nothing,
        }
    }
}

struct Keeper {
    folder: PathBuf,
    least: u64,
    provenance: Provenance,
    /// What is applied to every photograph.
    profile: Option<Profile>,
    /// Opened when it is first needed, and again after it could not be.
    store: Option<Store>,
    /// What the next store that is opened goes on with.
    unended: Unended,
    /// Photographs that could not be written yet.
    unwritten: BTreeMap<ShotId, Pixels>,
    answers: Sender<Answer>,
}

impl Keeper {
    fn obey(&mut self, request: Request) {
        match request {
            Request::Open(stills) => self.open_exam(stills),
            Request::Photograph(shot, pixels) => {
                self.unwritten.insert(shot, pixels);
                self.write_photographs().unwrap_or_else(complain);
            }
            Request::Keep(exam) => self.keep(&exam).unwrap_or_else(complain),
            Request::Save(exam) => self.save(&exam),
            Request::Release => self.unwritten.clear(),
            Request::Today => self.list_today(),
            Request::Try(stills, answer) => {
                // The self-test may have given up.
                let _ = answer.send(self.condition(stills));
            }
        }
    }

    /// After a panic: whoever waits is answered, and the store opened anew. The
    /// photographs of the exam that goes on are on the disk and stay its.
    fn broke_down(&mut self, waits: Waits, panic: &str) {
        tracing::error!(error = %panic, "the store broke down");
        if let Some(store) = self.store.take() {
            self.unended = store.into_unended();
        }
        let why = Cause::from(Trouble::StoreBrokeDown(panic.to_owned()));
        match waits {
            Waits::Opening => self.say(Answer::Refused(why)),
            Waits::Saving(exam) => self.say(Answer::NotSaved(exam, why)),
            Waits::Nothing => {}
        }
    }

    fn store(&mut self) -> Result<&mut Store, StoreError> {
        let store = match self.store.take() {
            Some(store) => store,
            None => {
                let mut store = Store::open(&self.folder)?;
                store.take_up(std::mem::take(&mut self.unended));
                store
            }
        };
        Ok(self.store.insert(store))
    }

    fn room(&mut self, (width, height): (u32, u32)) -> Result<Room, StoreError> {
        let least = self.least;
        let stills = Stills {
            width,
            height,
            corrected: self.profile.is_some(),
        };
        self.store()?.room(stills, least)
    }

    fn open_exam(&mut self, stills: (u32, u32)) {
        let answer = match self.room(stills) {
            Ok(room) if room.suffices() => Answer::Opened(ExamId(uuid::Uuid::new_v4().to_string())),
            Ok(room) => Answer::Refused(room.into()),
            Err(error) => Answer::Refused(error.into()),
        };
        self.say(answer);
    }

    fn write_photographs(&mut self) -> Result<(), StoreError> {
        while let Some((&shot, pixels)) = self.unwritten.first_key_value() {
            let Pixels {
                photograph,
                original,
            } = pixels.clone();
            match original.zip(self.profile.clone()) {
                Some((original, profile)) => {
                    let store = self.store()?;
                    store.put_corrected(shot, &photograph, &original, &profile)?;
                }
                None => self.store()?.put_photograph(shot, &photograph)?,
            }
            self.unwritten.remove(&shot);
        }
        Ok(())
    }

    fn keep(&mut self, exam: &ExamRecord) -> Result<(), StoreError> {
        self.write_photographs()?;
        let provenance = self.provenance.clone();
        self.store()?.save(exam, &provenance)?;
        Ok(())
    }

    fn save(&mut self, exam: &ExamRecord) {
        let mut save = || {
            self.write_photographs()?;
            let provenance = self.provenance.clone();
            self.store()?.save(exam, &provenance)
        };
        let answer = match save() {
            Ok(saved) => Answer::Saved(exam.id.clone(), saved.number),
            Err(error) => Answer::NotSaved(exam.id.clone(), error.into()),
        };
        self.say(answer);
    }

    fn list_today(&mut self) {
        let now = ZonedDateTime::now();
        let today = self.store().and_then(|store| store.records().today(&now));
        self.say(Answer::Today(today));
    }

    fn condition(&mut self, stills: (u32, u32)) -> Condition {
        let mut look = || {
            let records = self.store()?.records();
            Ok(Glance {
                exams: records.count()?,
                latest: records.latest()?,
                // Both were seen to when the store was opened.
                migrates: None,
                half_written: 0,
            })
        };
        Condition {
            stored: look().map_err(Found::StoreUnusable),
            room: self.room(stills).map_err(Found::StoreUnusable),
        }
    }

    fn say(&self, answer: Answer) {
        // Where nobody listens any more, the program is ending.
        let _ = self.answers.send(answer);
    }
}

/// What goes wrong on the way is tried again by the save at the end, whose
/// answer is shown.
fn complain(error: StoreError) {
    tracing::error!(error = %error, "the store could not be used");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::tests::{exam, provenance};
    use crate::records::Records;

    #[test]
    fn a_corrected_photograph_is_kept_with_its_original() {
        let folder = tempfile::tempdir().unwrap();
        let store = config::Store {
            folder: folder.path().join("exams"),
            ..config::Store::default()
        };
        let toml = "camera = \"north\"".to_owned();
        let profile = Profile {
            sha256: fovea_core::bundle::sha256_hex(toml.as_bytes()),
            camera: "north".to_owned(),
            format: 1,
            toml,
        };
        let keeping =
            StoreThread::start(store.clone(), provenance(), Some(profile.clone())).unwrap();
        let exam = exam(1);
        let filled = |value| Arc::new(RgbImage::from_pixel(9, 7, image::Rgb([value; 3])));
        for (shot, value) in exam.right.shots.iter().zip([1, 2]) {
            let pixels = Pixels {
                photograph: filled(value),
                original: Some(filled(100 + value)),
            };
            keeping.ask(Request::Photograph(shot.id, pixels));
        }
        keeping.ask(Request::Save(Box::new(exam.clone())));
        drop(keeping);
        let records = Records::open(&store.folder).unwrap();
        let kept = records.get(1).unwrap().unwrap();
        for (shot, value) in exam.right.shots.iter().zip([1, 2]) {
            let original = &kept.originals[&shot.id];
            assert_eq!(original.profile, profile);
            let both = [&kept.photographs[&shot.id], &original.photograph];
            let [graded, taken] = both.map(|photograph| {
                let path = records.photograph_path(photograph).unwrap();
                image::open(path).unwrap().to_rgb8()
            });
            assert_eq!((&graded, &taken), (&*filled(value), &*filled(100 + value)));
        }
    }
}
