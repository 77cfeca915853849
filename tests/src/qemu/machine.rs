//! The emulated machine, from its first instruction to its last.

use std::io::{pipe, PipeWriter};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use image::RgbImage;
use serde_json::json;
use tempfile::TempDir;

use super::console::Console;
use super::disk::Disk;
use super::failure::{Failure, Result};
use super::initramfs;
use super::modules::Modules;
use super::parts::Parts;
use super::qmp::Qmp;
use super::share::Share;
use super::shell::{Answer, Shell};

/// A kernel that has not come up by then never will: it takes ten seconds on an idle core.
const BOOT: Duration = Duration::from_secs(90);

/// QEMU itself is quick.
const ANSWER: Duration = Duration::from_secs(20);

const QEMU: &str = "qemu-system-x86_64";

/// Without wide vector instructions: QEMU computes each of them in software, number by number, and the
/// student would take minutes for what takes its narrow kernels seconds.
const CPU: &str = "max,-fma,-avx2,-avx";

/// Its sockets, in the machine's folder.
const SHELL: &str = "shell";
const QMP: &str = "qmp";

/// A panic ends QEMU, and with it every wait. Only what is worse than an error goes to the console:
/// an emulated machine is late for everything, and drivers say so.
const KERNEL_LINE: &str = "console=ttyS0 loglevel=3 panic=-1 rdinit=/init mitigations=off \
                           vt.global_cursor_default=0";

/// What every machine has: the shared folder, a screen, keys, a disk.
const DRIVERS: [&str; 8] = [
    "virtio_pci",
    "9pnet_virtio",
    "9p",
    "bochs",
    "evdev",
    "virtio_blk",
    "crc32c_generic",
    "ext4",
];

/// The camera: one HDMI input at `/dev/video0`, one HDMI output at
/// `/dev/video1` that can be looped to it, and nothing else.
const CAMERA: (&str, &str) = (
    "vivid",
    "node_types=0x101 num_inputs=1 input_types=0x3 num_outputs=1 output_types=0x1",
);

/// What is put into a machine.
pub struct Setup<'a> {
    /// Seen as `/host`.
    pub share: &'a Share,
    /// Seen as `/dev/vda`, `/dev/vdb` and so on, not mounted.
    pub disks: &'a [&'a Disk],
    /// Whether there is a V4L2 camera.
    pub camera: bool,
    /// Pixels of the screen.
    pub screen: (u32, u32),
}

/// A running machine; dropping it is pulling the plug.
pub struct Machine {
    qemu: Qemu,
    console: Console,
    shell: Shell,
    qmp: Qmp,
    /// Initramfs, sockets and pictures.
    folder: TempDir,
}

impl Machine {
    /// Starts a machine and waits until its shell obeys.
    ///
    /// # Errors
    /// QEMU does not start, or the kernel does not come up in time.
    pub fn boot(parts: &Parts, setup: &Setup) -> Result<Machine> {
        // A socket's path may have no more than a hundred characters, so not below target/.
        let temporary = std::env::temp_dir();
        let folder = tempfile::Builder::new()
            .prefix("fovea-qemu-")
            .tempdir()
            .map_err(Failure::file("create a folder in", &temporary))?;
        let initramfs = folder.path().join("initramfs");
        write_initramfs(&initramfs, parts, setup.camera)?;

        let (said, says) = pipe().map_err(Failure::file("open a pipe in", folder.path()))?;
        let qemu = Qemu::start(command(parts, setup, folder.path())?, says)?;
        let console = Console::read(said);
        let qmp = Qmp::new(connect(&folder.path().join(QMP), &console)?)?;
        let shell = Shell::new(connect(&folder.path().join(SHELL), &console)?)?;
        console.wait_for("init: ready", 0, BOOT)?;
        Ok(Machine {
            qemu,
            console,
            shell,
            qmp,
            folder,
        })
    }

    /// What kernel and programs said.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Runs a shell command in the machine; its exit status is not judged.
    ///
    /// # Errors
    /// It does not end within `limit`, or the machine stopped.
    pub fn run(&mut self, command: &str, limit: Duration) -> Result<Answer> {
        self.shell.run(command, limit, &self.console)
    }

    /// What a command says that must succeed.
    ///
    /// # Errors
    /// As [`Machine::run`], and its exit status is not 0.
    pub fn ask(&mut self, command: &str, limit: Duration) -> Result<String> {
        match self.run(command, limit)? {
            Answer { status: 0, text } => Ok(text),
            Answer { status, text } => Err(Failure::Refused {
                command: command.to_owned(),
                status,
                said: text,
            }),
        }
    }

    /// What the screen shows now.
    ///
    /// # Errors
    /// QEMU does not answer.
    pub fn screen(&mut self) -> Result<RgbImage> {
        let file = self.folder.path().join("screen.ppm");
        self.qmp.ask("screendump", &json!({ "filename": file }))?;
        Ok(image::open(&file)?.into_rgb8())
    }

    /// Presses and releases a key by QEMU's name for it, such as `ret` or `a`.
    ///
    /// # Errors
    /// There is no such key.
    pub fn press(&mut self, key: &str) -> Result<()> {
        let keys = json!([{ "type": "qcode", "data": key }]);
        self.qmp.ask("send-key", &json!({ "keys": keys })).map(drop)
    }

    /// Pulls the plug, now. What the console had said until then is left.
    pub fn cut(self) -> Vec<String> {
        drop(self.qemu);
        // The rest lies in the pipe, which closes with QEMU.
        self.console.wait_until_closed(ANSWER);
        self.console.lines()
    }
}

/// The child, which never outlives us.
struct Qemu(Child);

impl Qemu {
    fn start(mut command: Command, says: PipeWriter) -> Result<Qemu> {
        let start = |error| Failure::Start {
            program: QEMU.to_owned(),
            source: error,
        };
        command
            .stdin(Stdio::null())
            .stderr(says.try_clone().map_err(start)?)
            .stdout(says);
        command.spawn().map(Qemu).map_err(start)
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // SIGKILL: nothing is tidied up. If it has ended by itself there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn write_initramfs(path: &Path, parts: &Parts, camera: bool) -> Result<()> {
    let camera = camera.then_some(CAMERA);
    let names = DRIVERS.into_iter().chain(camera.map(|(name, _)| name));
    let modules = Modules::of(&parts.modules)?.needed(names)?;
    let parameters = |name: &str| match camera {
        Some((camera, parameters)) if camera == name => parameters,
        _ => "",
    };
    initramfs::write(path, &parts.busybox, &modules, parameters)
}

fn command(parts: &Parts, setup: &Setup, folder: &Path) -> Result<Command> {
    let share = setup.share.path("");
    let (width, height) = setup.screen;
    let mut command = Command::new(QEMU);
    command
        .args(["-accel", "tcg", "-cpu", CPU, "-m", "1024", "-smp", "2"])
        .args(["-nodefaults", "-no-user-config", "-no-reboot"])
        .args(["-display", "none", "-device"])
        .arg(format!("VGA,edid=on,xres={width},yres={height}"))
        .arg("-kernel")
        .arg(&parts.kernel)
        .arg("-initrd")
        .arg(folder.join("initramfs"))
        .args(["-append", KERNEL_LINE])
        .args(["-serial", "stdio"])
        .args(["-chardev", &socket("shell", &folder.join(SHELL))])
        .args(["-serial", "chardev:shell"])
        .args(["-chardev", &socket("qmp", &folder.join(QMP))])
        .args(["-mon", "chardev=qmp,mode=control"])
        .arg("-virtfs")
        .arg(format!(
            "local,path={},mount_tag=host,security_model=none",
            share.display()
        ));
    for (index, disk) in setup.disks.iter().enumerate() {
        command.args(disk.attach(index)?);
    }
    Ok(command)
}

fn socket(name: &str, path: &Path) -> String {
    format!(
        "socket,id={name},path={},server=on,wait=off",
        path.display()
    )
}

/// QEMU's socket at `path`, which appears shortly after its start.
fn connect(path: &Path, console: &Console) -> Result<UnixStream> {
    let deadline = Instant::now() + ANSWER;
    loop {
        if let Ok(stream) = UnixStream::connect(path) {
            return Ok(stream);
        }
        let what = "QEMU opened its sockets".to_owned();
        if console.is_closed() {
            let console = console.tail();
            return Err(Failure::Stopped { what, console });
        }
        if Instant::now() > deadline {
            return Err(Failure::Late {
                what,
                limit: ANSWER,
                console: console.tail(),
            });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
