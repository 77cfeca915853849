//! From a file to the network's input and the gate's first step, on drawn
//! photographs.

mod damage;
mod drawing;
mod gate;
mod preparation;
mod reading;
mod shared;
mod unsuitable;
mod vessels;
