//! Works the kernel's test camera, inside the emulated machine: tells and sets
//! its controls, shows pictures to it, and photographs what it sends.
//!
//! vivid's HDMI output can be looped to its HDMI input: what is written to the
//! one comes out of the other, byte for byte, as long as both speak the same
//! format. That is [`RGB3`] here, in which a picture loses nothing.

use std::ffi::{c_ulong, c_void, CStr};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use image::RgbImage;
use rustix::ioctl::opcode;
use v4l::buffer::Type;
use v4l::control::{Control, Type as Kind, Value};
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, OutputStream};
use v4l::v4l2::{self, vidioc};
use v4l::v4l_sys::{
    v4l2_dv_timings, v4l2_enum_dv_timings, v4l2_query_ext_ctrl, V4L2_CTRL_FLAG_NEXT_CTRL,
};
use v4l::video::{Capture, Output};
use v4l::{Device, Format, FourCC};

/// Red, green, blue, a byte each.
const RGB3: FourCC = FourCC { repr: *b"RGB3" };

/// Requests that the crate has no names for, as in `linux/videodev2.h`.
const SET_TIMINGS: c_ulong = opcode::read_write::<v4l2_dv_timings>(b'V', 87) as c_ulong;
const GET_TIMINGS: c_ulong = opcode::read_write::<v4l2_dv_timings>(b'V', 88) as c_ulong;
const LIST_TIMINGS: c_ulong = opcode::read_write::<v4l2_enum_dv_timings>(b'V', 98) as c_ulong;

/// Pictures that are on their way between us and the driver.
const BUFFERS: u32 = 4;

/// Sixty pictures a second are due; an emulated machine is slower.
const WAIT: Duration = Duration::from_secs(10);

#[derive(Parser)]
#[command(name = "vivid", about = "Works the kernel's test camera")]
struct Arguments {
    /// Its device, such as /dev/video0
    device: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell a control's value, by the name that the driver gives it
    Get { name: String },
    /// Set a control, by the name that the driver gives it; a button is pressed by any value
    Set {
        name: String,
        #[arg(allow_negative_numbers = true)]
        value: i64,
    },
    /// Have as few pictures a second as high definition knows: 24, not 60
    Slow,
    /// Send a picture from an output device, until the program is ended
    Show { picture: PathBuf },
    /// Photograph from a capture device
    Photograph { file: PathBuf },
}

fn main() -> ExitCode {
    let Arguments { device, command } = Arguments::parse();
    let done = match command {
        Command::Get { name } => get(&device, &name),
        Command::Set { name, value } => set(&device, &name, value),
        Command::Slow => slow(&device),
        Command::Show { picture } => show(&device, &picture),
        Command::Photograph { file } => photograph(&device, &file),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vivid: {}: {error}", device.display());
            ExitCode::FAILURE
        }
    }
}

/// A structure that the driver reads and fills.
trait Form: Copy {}
impl Form for v4l2_query_ext_ctrl {}
impl Form for v4l2_dv_timings {}
impl Form for v4l2_enum_dv_timings {}

fn zeroed<T: Form>() -> T {
    // SAFETY: all of them are plain numbers and bytes.
    unsafe { std::mem::zeroed() }
}

/// Sends a request with the structure that it is defined for.
fn ask<T: Form>(device: &Device, request: c_ulong, mut form: T) -> io::Result<T> {
    let filled = (&raw mut form).cast::<c_void>();
    // SAFETY: the driver reads and writes no more than the structure that the request names.
    unsafe { v4l2::ioctl(device.handle().fd(), request, filled)? };
    Ok(form)
}

fn find(device: &Device, wanted: &str) -> io::Result<v4l2_query_ext_ctrl> {
    let control = controls(device).find(|control| name(control) == wanted);
    control.ok_or_else(|| io::Error::other(format!("no control `{wanted}`")))
}

fn get(device: &Path, wanted: &str) -> io::Result<()> {
    let device = Device::with_path(device)?;
    match device.control(find(&device, wanted)?.id)?.value {
        Value::Integer(value) => println!("{value}"),
        Value::Boolean(value) => println!("{}", i64::from(value)),
        other => return Err(io::Error::other(format!("`{wanted}` is {other:?}"))),
    }
    Ok(())
}

fn set(device: &Path, wanted: &str, value: i64) -> io::Result<()> {
    let device = Device::with_path(device)?;
    let control = find(&device, wanted)?;
    let value = if control.type_ == Kind::Button as u32 {
        Value::None
    } else {
        Value::Integer(value)
    };
    let id = control.id;
    device.set_control(Control { id, value })
}

/// The driver's controls, without the compound ones. The crate's own list ends
/// the program at a kind of control that is newer than itself.
fn controls(device: &Device) -> impl Iterator<Item = v4l2_query_ext_ctrl> + '_ {
    let mut last = 0;
    std::iter::from_fn(move || {
        let id = last | V4L2_CTRL_FLAG_NEXT_CTRL;
        let wanted = v4l2_query_ext_ctrl { id, ..zeroed() };
        let control = ask(device, vidioc::VIDIOC_QUERY_EXT_CTRL, wanted).ok()?;
        last = control.id;
        Some(control)
    })
}

fn name(control: &v4l2_query_ext_ctrl) -> String {
    // SAFETY: the kernel ends every name with a zero.
    let name = unsafe { CStr::from_ptr(control.name.as_ptr()) };
    name.to_string_lossy().into_owned()
}

/// Sets the slowest of the timings that have the picture's size: each picture costs an emulated
/// machine much time.
fn slow(device: &Path) -> io::Result<()> {
    let device = Device::with_path(device)?;
    let now: v4l2_dv_timings = ask(&device, GET_TIMINGS, zeroed())?;
    let slowest = timings(&device)
        .filter(|timings| size(timings) == size(&now))
        .min_by(|a, b| rate(a).total_cmp(&rate(b)))
        .unwrap_or(now);
    ask(&device, SET_TIMINGS, slowest).map(drop)
}

/// The timings that the driver knows.
fn timings(device: &Device) -> impl Iterator<Item = v4l2_dv_timings> + '_ {
    (0..).map_while(|index| {
        let wanted = v4l2_enum_dv_timings { index, ..zeroed() };
        Some(ask(device, LIST_TIMINGS, wanted).ok()?.timings)
    })
}

fn size(timings: &v4l2_dv_timings) -> (u32, u32, u32) {
    // SAFETY: for a video signal the union holds these.
    let bt = unsafe { timings.__bindgen_anon_1.bt };
    (bt.width, bt.height, bt.interlaced)
}

/// Pictures a second.
fn rate(timings: &v4l2_dv_timings) -> f64 {
    // SAFETY: as above.
    let bt = unsafe { timings.__bindgen_anon_1.bt };
    let wide = bt.width + bt.hfrontporch + bt.hsync + bt.hbackporch;
    let high = bt.height + bt.vfrontporch + bt.vsync + bt.vbackporch;
    bt.pixelclock as f64 / (f64::from(wide) * f64::from(high))
}

/// The format in which a picture loses nothing.
fn plain(format: Format) -> Format {
    Format {
        fourcc: RGB3,
        ..format
    }
}

fn show(device: &Path, picture: &Path) -> io::Result<()> {
    let device = Device::with_path(device)?;
    let format = Output::set_format(&device, &plain(Output::format(&device)?))?;
    let frame = frame(picture, &format)?;
    let mut stream = Stream::with_buffers(&device, Type::VideoOutput, BUFFERS)?;
    // The driver begins with two pictures in its hands, the crate with none: it gets black ones.
    for index in 1..BUFFERS as usize {
        OutputStream::queue(&mut stream, index)?;
    }
    // It is shown for certain once no buffer is black, and shown on when no more come.
    for _ in 0..=BUFFERS {
        let (buffer, _) = OutputStream::next(&mut stream)?;
        buffer[..frame.len()].copy_from_slice(&frame);
    }
    println!("vivid: shows {}", picture.display());
    loop {
        std::thread::park();
    }
}

/// The bytes of a picture that has the frame's size already.
fn frame(path: &Path, format: &Format) -> io::Result<Vec<u8>> {
    let picture = image::open(path).map_err(io::Error::other)?.into_rgb8();
    let size = (format.width, format.height);
    if picture.dimensions() != size {
        let (has, needs) = (picture.dimensions(), size);
        let text = format!("{} has {has:?} pixels, a frame {needs:?}", path.display());
        return Err(io::Error::other(text));
    }
    let row = picture.width() as usize * 3;
    let mut frame = vec![0; format.size as usize];
    let rows = frame.chunks_mut(format.stride as usize);
    for (to, from) in rows.zip(picture.as_raw().chunks(row)) {
        to[..row].copy_from_slice(from);
    }
    Ok(frame)
}

fn photograph(device: &Path, file: &Path) -> io::Result<()> {
    let device = Device::with_path(device)?;
    let format = Capture::set_format(&device, &plain(Capture::format(&device)?))?;
    let mut stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFERS)?;
    stream.set_timeout(WAIT);
    for _ in 0..BUFFERS {
        CaptureStream::next(&mut stream)?;
    }
    let (frame, _) = CaptureStream::next(&mut stream)?;
    let row = format.width as usize * 3;
    let rows = frame.chunks(format.stride as usize);
    let bytes = rows.flat_map(|from| &from[..row]).copied().collect();
    let picture = RgbImage::from_raw(format.width, format.height, bytes)
        .ok_or_else(|| io::Error::other("the frame is too short"))?;
    picture.save(file).map_err(io::Error::other)
}
