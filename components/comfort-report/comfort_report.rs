// Comfort of a building: the number of zones in alarm, and the deviation of the worst zone in kelvin. Both go out with each
// message.
//
// The same ABI as abi/tenon.h, from Rust without its standard library: one imported function, one exported function, two
// exported descriptors. Ports are numbered as in component.yaml: inputs 0 to 5 are the zones' alarms, 6 to 11 their deviations.
//
// Not valid: an alarm counts as none; a deviation does not count, and without any valid one `worst` is null.
#![no_std]

const ZONES: usize = 6;
const OUTPUT_ALARMS: i32 = 0;
const OUTPUT_WORST: i32 = 1;
const HANDLED: i32 = 0;
const REFUSED: i32 = 1;

#[link(wasm_import_module = "tenon")]
extern "C" {
    fn send(output: i32, pointer: *const u8, length: i32) -> i32;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

/// Where a region lies, as the host reads it.
#[repr(C)]
pub struct Region {
    address: *const u8,
    size: u32,
    version: u32,
}
unsafe impl Sync for Region {}

/// NaN is "no valid value".
#[repr(C)]
struct State {
    signals: [f64; 2 * ZONES],
}

static mut INBOX: [u8; 16] = [0; 16];
static mut STATE: State = State { signals: [f64::NAN; 2 * ZONES] };

#[no_mangle]
pub static tenon_inbox: Region =
    Region { address: unsafe { core::ptr::addr_of!(INBOX) } as *const u8, size: 16, version: 1 };

#[no_mangle]
pub static tenon_state: Region = Region {
    address: unsafe { core::ptr::addr_of!(STATE) } as *const u8,
    size: core::mem::size_of::<State>() as u32,
    version: 1,
};

/// Reads one CBOR item: a number, a boolean as 0 or 1, null as NaN. None for anything else.
fn read_signal(message: &[u8]) -> Option<f64> {
    let (&initial, rest) = message.split_first()?;
    let mut argument: u64 = 0;
    let expected = match initial & 31 {
        0..=23 => {
            argument = u64::from(initial & 31);
            0
        }
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    if rest.len() != expected {
        return None;
    }
    for &octet in rest {
        argument = argument << 8 | u64::from(octet);
    }
    let value = match initial {
        0x00..=0x1b => argument as f64,
        0x20..=0x3b => -1.0 - argument as f64,
        0xf4 => 0.0,
        0xf5 => 1.0,
        0xf6 => f64::NAN,
        0xf9 => widen_half(argument as u32),
        0xfa => f64::from(f32::from_bits(argument as u32)),
        0xfb => f64::from_bits(argument),
        _ => return None,
    };
    Some(if value - value == 0.0 { value } else { f64::NAN })
}

/// Moves the fields of a half-precision number in place and scales by the difference of the biases.
fn widen_half(half: u32) -> f64 {
    let single = f32::from_bits((half & 0x8000) << 16 | (half & 0x7fff) << 13);
    let infinite = half & 0x7c00 == 0x7c00;
    f64::from(single) * if infinite { f64::NAN } else { 5192296858534827628530496329220096.0 }
}

/// Sends a small whole number or a float64; null for NaN.
fn send_number(output: i32, value: f64) {
    let mut item = [0u8; 9];
    let size = if value.is_nan() {
        item[0] = 0xf6;
        1
    } else if value >= 0.0 && value < 24.0 && f64::from(value as u8) == value {
        item[0] = value as u8;
        1
    } else {
        item[0] = 0xfb;
        item[1..].copy_from_slice(&value.to_be_bytes());
        9
    };
    unsafe {
        send(output, item.as_ptr(), size);
    }
}

#[no_mangle]
pub extern "C" fn tenon_receive(input: u32, length: u32) -> i32 {
    // The host never calls while a call is running, and one component has one thread: nobody else holds these.
    let (inbox, state) = unsafe { (&*core::ptr::addr_of!(INBOX), &mut *core::ptr::addr_of_mut!(STATE)) };
    let value = match inbox.get(..length as usize).and_then(read_signal) {
        Some(value) => value,
        None => return REFUSED,
    };
    match state.signals.get_mut(input as usize) {
        Some(signal) => *signal = value,
        None => return REFUSED,
    }
    let (alarms, deviations) = state.signals.split_at(ZONES);
    let mut count = 0.0;
    let mut worst = f64::NAN;
    for &alarm in alarms {
        if alarm > 0.5 {
            count += 1.0;
        }
    }
    for &deviation in deviations {
        if deviation >= 0.0 && !(deviation <= worst) {
            worst = deviation;
        }
    }
    send_number(OUTPUT_ALARMS, count);
    send_number(OUTPUT_WORST, worst);
    HANDLED
}
