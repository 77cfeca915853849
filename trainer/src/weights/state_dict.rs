//! PyTorch state dicts in the format before PyTorch 1.6: five pickles (a magic number, the protocol's
//! version, facts about the writer, the dict, the list of storage keys) and the raw storages.
//!
//! libtorch reads its own archives only, and the pickle crates know no persistent identifiers, which
//! is how these files refer to storages. A pickle is a small program for a stack machine; this one
//! runs the instructions that a state dict needs, on data types that can do nothing, and refuses
//! every other.

use std::collections::HashMap;

use anyhow::{bail, ensure, Context, Result};
use tch::{Kind, Tensor};

use super::Tensors;

/// The pickles of the magic number and of the protocol version 1001, as every such file begins.
const BEGINNING: &[u8] =
    b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";

/// The tensors of a state dict, contiguous.
///
/// # Errors
/// `bytes` are not of that format, or hold something other than tensors of float or long on the CPU.
pub fn read(bytes: &[u8]) -> Result<Tensors> {
    let rest = bytes
        .strip_prefix(BEGINNING)
        .context("this is not a PyTorch state dict of the old format")?;
    let mut input = Input(rest);
    let facts = unpickle(&mut input)?.dict("the writer's facts")?;
    let little = facts.iter().any(|(key, value)| {
        matches!((key, value), (Value::Text(key), Value::Bool(true)) if key == "little_endian")
    });
    ensure!(
        little,
        "the state dict was not written by a little-endian machine"
    );
    let entries = unpickle(&mut input)?.dict("the state dict")?;
    let Value::List(keys) = unpickle(&mut input)? else {
        bail!("the state dict has no list of storages")
    };

    let mut kinds = HashMap::new();
    for (_, value) in &entries {
        if let Value::Tensor(View { storage, .. }) = value {
            kinds.insert(storage.key.clone(), storage.kind);
        }
    }
    let mut storages = HashMap::new();
    for key in keys {
        let key = key.text("a storage's key")?;
        let kind = *kinds
            .get(&key)
            .with_context(|| format!("no tensor uses the storage {key}"))?;
        storages.insert(key, input.storage(kind)?);
    }

    let mut tensors = Tensors::new();
    for (name, value) in entries {
        let name = name.text("a tensor's name")?;
        let Value::Tensor(view) = value else {
            bail!("{name} in the state dict is not a tensor")
        };
        let storage = storages
            .get(&view.storage.key)
            .with_context(|| format!("the state dict lacks the storage of {name}"))?;
        // Checks that the view stays within the storage.
        let tensor = storage
            .f_as_strided(&view.size, &view.stride, view.offset)
            .with_context(|| format!("{name} does not fit its storage"))?;
        tensors.insert(name, tensor.contiguous());
    }
    Ok(tensors)
}

#[derive(Clone)]
struct Storage {
    key: String,
    kind: Kind,
}

#[derive(Clone)]
struct View {
    storage: Storage,
    offset: i64,
    size: Vec<i64>,
    stride: Vec<i64>,
}

/// The functions and types that a state dict names.
#[derive(Clone, Copy)]
enum Global {
    OrderedDict,
    RebuildTensor,
    Storage(Kind),
}

#[derive(Clone)]
enum Value {
    None,
    Bool(bool),
    Int(i64),
    Text(String),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Global(Global),
    Storage(Storage),
    Tensor(View),
}

impl Value {
    fn text(self, what: &str) -> Result<String> {
        match self {
            Value::Text(text) => Ok(text),
            _ => bail!("{what} is not a text"),
        }
    }

    fn dict(self, what: &str) -> Result<Vec<(Value, Value)>> {
        match self {
            Value::Dict(entries) => Ok(entries),
            _ => bail!("{what} is not a dict"),
        }
    }

    fn ints(self, what: &str) -> Result<Vec<i64>> {
        let Value::Tuple(values) = self else {
            bail!("{what} is not a tuple")
        };
        let int = |value| match value {
            Value::Int(int) => Ok(int),
            _ => bail!("{what} has something else than integers"),
        };
        values.into_iter().map(int).collect()
    }
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .context("the state dict ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self
            .0
            .split_first_chunk()
            .context("the state dict ends too early")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn line(&mut self) -> Result<&'a str> {
        let end = self
            .0
            .iter()
            .position(|&byte| byte == b'\n')
            .context("the state dict ends too early")?;
        let line = self.take(end)?;
        self.take(1)?;
        std::str::from_utf8(line).context("a name in the state dict is not UTF-8")
    }

    /// A storage: the number of elements, then these.
    fn storage(&mut self, kind: Kind) -> Result<Tensor> {
        let count = usize::try_from(i64::from_le_bytes(self.array()?))
            .context("a storage has a negative size")?;
        let length = count
            .checked_mul(kind.elt_size_in_bytes())
            .context("a storage is too large")?;
        let bytes = self.take(length)?;
        Ok(Tensor::f_from_data_size(bytes, &[count as i64], kind)?)
    }
}

/// Runs one pickle, which ends with a STOP instruction.
fn unpickle(input: &mut Input) -> Result<Value> {
    let mut stack: Vec<Value> = Vec::new();
    let mut marks: Vec<usize> = Vec::new();
    let mut memo: HashMap<u32, Value> = HashMap::new();
    let pop = |stack: &mut Vec<Value>| stack.pop().context("the pickle takes more than it has put");
    loop {
        match input.byte()? {
            b'.' => return pop(&mut stack),
            // PROTO
            0x80 => ensure!(input.byte()? == 2, "the pickle is not of protocol 2"),
            b'N' => stack.push(Value::None),
            0x88 => stack.push(Value::Bool(true)),
            0x89 => stack.push(Value::Bool(false)),
            b'K' => stack.push(Value::Int(input.byte()?.into())),
            b'M' => stack.push(Value::Int(u16::from_le_bytes(input.array()?).into())),
            b'J' => stack.push(Value::Int(i32::from_le_bytes(input.array()?).into())),
            // BINUNICODE
            b'X' => {
                let length = input.u32()? as usize;
                let text =
                    std::str::from_utf8(input.take(length)?).context("a text is not UTF-8")?;
                stack.push(Value::Text(text.to_owned()));
            }
            b')' => stack.push(Value::Tuple(Vec::new())),
            b']' => stack.push(Value::List(Vec::new())),
            b'}' => stack.push(Value::Dict(Vec::new())),
            b'(' => marks.push(stack.len()),
            // TUPLE1..3
            n @ 0x85..=0x87 => {
                let items = stack
                    .len()
                    .checked_sub(usize::from(n - 0x84))
                    .context("a tuple lacks items")?;
                let items = stack.split_off(items);
                stack.push(Value::Tuple(items));
            }
            b't' => {
                let items = since_mark(&mut stack, &mut marks)?;
                stack.push(Value::Tuple(items));
            }
            // APPENDS
            b'e' => {
                let items = since_mark(&mut stack, &mut marks)?;
                match stack.last_mut() {
                    Some(Value::List(list)) => list.extend(items),
                    _ => bail!("the pickle appends to something that is not a list"),
                }
            }
            // SETITEM, SETITEMS
            instruction @ (b's' | b'u') => {
                let items = if instruction == b's' {
                    let value = pop(&mut stack)?;
                    vec![pop(&mut stack)?, value]
                } else {
                    since_mark(&mut stack, &mut marks)?
                };
                let Some(Value::Dict(dict)) = stack.last_mut() else {
                    bail!("the pickle sets items of something that is not a dict")
                };
                ensure!(
                    items.len() % 2 == 0,
                    "the pickle sets a key without a value"
                );
                let mut items = items.into_iter();
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    dict.push((key, value));
                }
            }
            // BINPUT, LONG_BINPUT
            instruction @ (b'q' | b'r') => {
                let slot = if instruction == b'q' {
                    input.byte()?.into()
                } else {
                    input.u32()?
                };
                match stack.last() {
                    // A container is filled after it is remembered; none is ever referred to again.
                    Some(Value::Dict(_) | Value::List(_)) => {}
                    Some(value) => {
                        memo.insert(slot, value.clone());
                    }
                    None => bail!("the pickle remembers nothing"),
                }
            }
            // BINGET, LONG_BINGET
            instruction @ (b'h' | b'j') => {
                let slot = if instruction == b'h' {
                    input.byte()?.into()
                } else {
                    input.u32()?
                };
                let value = memo
                    .get(&slot)
                    .context("the pickle refers to what it has not remembered")?;
                stack.push(value.clone());
            }
            b'c' => {
                let (module, name) = (input.line()?, input.line()?);
                stack.push(Value::Global(match (module, name) {
                    ("collections", "OrderedDict") => Global::OrderedDict,
                    ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
                    ("torch", "FloatStorage") => Global::Storage(Kind::Float),
                    ("torch", "LongStorage") => Global::Storage(Kind::Int64),
                    _ => {
                        bail!("the pickle names {module}.{name}, which a state dict does not need")
                    }
                }));
            }
            // BINPERSID
            b'Q' => {
                let storage = persistent(pop(&mut stack)?)?;
                stack.push(Value::Storage(storage));
            }
            // REDUCE: a call
            b'R' => {
                let arguments = pop(&mut stack)?;
                let result = match (pop(&mut stack)?, arguments) {
                    (Value::Global(Global::OrderedDict), Value::Tuple(none)) if none.is_empty() => {
                        Value::Dict(Vec::new())
                    }
                    (Value::Global(Global::RebuildTensor), Value::Tuple(arguments)) => {
                        Value::Tensor(rebuild(arguments)?)
                    }
                    _ => bail!("the pickle calls something that a state dict does not need"),
                };
                stack.push(result);
            }
            // BUILD gives the dict its `_metadata` attribute: versions of layers, not needed.
            b'b' => {
                pop(&mut stack)?;
            }
            other => bail!(
                "the pickle has the instruction {other:#04x}, which a state dict does not need"
            ),
        }
    }
}

fn since_mark(stack: &mut Vec<Value>, marks: &mut Vec<usize>) -> Result<Vec<Value>> {
    let mark = marks
        .pop()
        .filter(|&mark| mark <= stack.len())
        .context("the pickle lacks a mark")?;
    Ok(stack.split_off(mark))
}

/// A storage by its persistent identifier: ('storage', type, key, location, elements, view).
fn persistent(identifier: Value) -> Result<Storage> {
    match identifier {
        Value::Tuple(parts) => match parts.as_slice() {
            [Value::Text(what), Value::Global(Global::Storage(kind)), Value::Text(key), Value::Text(_), Value::Int(_), Value::None]
                if what == "storage" =>
            {
                Ok(Storage {
                    key: key.clone(),
                    kind: *kind,
                })
            }
            _ => bail!("the state dict refers to something that is not a plain storage"),
        },
        _ => bail!("the state dict refers to something that is not a plain storage"),
    }
}

/// The arguments of `_rebuild_tensor_v2`: storage, offset, size, stride, requires_grad, hooks.
fn rebuild(arguments: Vec<Value>) -> Result<View> {
    let arguments: [Value; 6] = arguments
        .try_into()
        .ok()
        .context("a tensor of the state dict is not described by six values")?;
    let [storage, offset, size, stride, _, _] = arguments;
    match (storage, offset) {
        (Value::Storage(storage), Value::Int(offset)) => Ok(View {
            storage,
            offset,
            size: size.ints("a tensor's size")?,
            stride: stride.ints("a tensor's stride")?,
        }),
        _ => bail!("a tensor of the state dict has no storage"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A state dict with one 2 x 2 float tensor "w" of the given strides, as PyTorch writes it.
    fn state_dict(strides: [u8; 2], values: &[f32]) -> Vec<u8> {
        let text = |s: &str| {
            let mut bytes = vec![b'X'];
            bytes.extend((s.len() as u32).to_le_bytes());
            bytes.extend(s.as_bytes());
            bytes
        };
        let mut bytes = BEGINNING.to_vec();
        bytes.extend(
            [
                b"\x80\x02}q\x00".as_slice(),
                &text("little_endian"),
                b"\x88s.",
            ]
            .concat(),
        );
        bytes.extend(b"\x80\x02ccollections\nOrderedDict\nq\x00)R");
        bytes.extend(
            [
                text("w"),
                b"ctorch._utils\n_rebuild_tensor_v2\nq\x01((".to_vec(),
            ]
            .concat(),
        );
        bytes.extend(
            [
                text("storage"),
                b"ctorch\nFloatStorage\n".to_vec(),
                text("7"),
                text("cpu"),
            ]
            .concat(),
        );
        bytes.extend(b"K\x04NtQK\x00K\x02K\x02\x86");
        bytes.extend([
            b'K', strides[0], b'K', strides[1], 0x86, 0x89, b'h', 0, b')', b'R', b't', b'R', b's',
            b'.',
        ]);
        bytes.extend([b"\x80\x02]q\x00".as_slice(), b"(", &text("7"), b"e."].concat());
        bytes.extend((values.len() as i64).to_le_bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    #[test]
    fn strides_are_followed() {
        let values = [1.0, 2.0, 3.0, 4.0];
        let rows = read(&state_dict([2, 1], &values)).unwrap();
        assert_eq!(rows["w"].double_value(&[0, 1]), 2.0);
        let columns = read(&state_dict([1, 2], &values)).unwrap();
        assert_eq!(columns["w"].double_value(&[0, 1]), 3.0);
    }

    #[test]
    fn a_view_beyond_its_storage_is_refused() {
        let error = read(&state_dict([3, 1], &[1.0, 2.0, 3.0, 4.0])).unwrap_err();
        assert!(error.to_string().contains("w does not fit"), "{error}");
    }

    #[test]
    fn nothing_cut_short_is_read() {
        let whole = state_dict([2, 1], &[1.0, 2.0, 3.0, 4.0]);
        for length in 0..whole.len() {
            assert!(
                read(&whole[..length]).is_err(),
                "{length} of {} bytes",
                whole.len()
            );
        }
    }

    #[test]
    fn code_is_refused() {
        let mut bytes = BEGINNING.to_vec();
        bytes.extend(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.");
        let error = read(&bytes).unwrap_err();
        assert!(error.to_string().contains("os.system"), "{error}");
    }
}
