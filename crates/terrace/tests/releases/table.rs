//! The table of what may become of a type that crosses, or that is stored. Each row is two builds of `T` with values that
//! only they have, and the verdicts on it as an argument, as a result, and as what is stored.

use std::collections::{BTreeMap, BTreeSet};

use wire::release::Order::{CalleeFirst, CallerFirst, OldStopsFirst};
use wire::release::Verdict::{self, Breaking, Ordered, Safe};

use crate::data::Row;

/// `None` where nothing differs on the wire.
type Expected = [Option<Verdict>; 3];

const SAME: Expected = [None, None, None];
const SAFE: Expected = [Some(Safe), Some(Safe), Some(Safe)];
const BREAKING: Expected = [Some(Breaking), Some(Breaking), Some(Breaking)];
/// The new build reads what the old one writes, and not the other way.
const NEW_READS: Expected = [
    Some(Ordered(CalleeFirst)),
    Some(Ordered(CallerFirst)),
    Some(Ordered(OldStopsFirst)),
];
/// The old build reads what the new one writes, and not the other way.
const OLD_READS: Expected = [Some(Ordered(CallerFirst)), Some(Ordered(CalleeFirst)), Some(Breaking)];
/// Nothing differs where it is stored, since fields are found by name; a call goes from positions to names.
const BY_NAME: Expected = [Some(Safe), Some(Safe), None];

macro_rules! table {
    ($($name:ident: $expected:expr; { $($old:tt)* } [$($old_value:expr),*] { $($new:tt)* } [$($new_value:expr),*])*) => {
        $(mod $name {
            pub mod old {
                #[allow(unused_imports)]
                use super::super::*;
                $($old)*
                pub fn values() -> Vec<T> {
                    vec![$($old_value),*]
                }
            }
            pub mod new {
                #[allow(unused_imports)]
                use super::super::*;
                $($new)*
                pub fn values() -> Vec<T> {
                    vec![$($new_value),*]
                }
            }
        })*

        pub fn rows() -> Vec<Row> {
            vec![$(Row::new(stringify!($name), $expected, $name::old::values(), $name::new::values())),*]
        }
    };
}

fn text() -> String {
    "blue".to_owned()
}

table! {
    an_optional_field_is_added: SAFE;
        { #[terrace::data] pub struct T { name: String } } [T { name: text() }]
        { #[terrace::data] pub struct T { name: String, note: Option<String> } } [T { name: text(), note: Some(text()) }]
    a_required_field_is_added: OLD_READS;
        { #[terrace::data] pub struct T { name: String } } [T { name: text() }]
        { #[terrace::data] pub struct T { name: String, note: String } } [T { name: text(), note: text() }]
    a_field_with_a_default_is_added: SAFE;
        { #[terrace::data] pub struct T { name: String } } [T { name: text() }]
        { #[terrace::data] pub struct T { name: String, #[serde(default)] count: u8 } } [T { name: text(), count: 1 }]
    an_optional_field_is_removed: SAFE;
        { #[terrace::data] pub struct T { name: String, note: Option<String> } } [T { name: text(), note: Some(text()) }]
        { #[terrace::data] pub struct T { name: String } } [T { name: text() }]
    a_required_field_is_removed: NEW_READS;
        { #[terrace::data] pub struct T { name: String, note: String } } [T { name: text(), note: text() }]
        { #[terrace::data] pub struct T { name: String } } [T { name: text() }]
    a_required_field_is_renamed: BREAKING;
        { #[terrace::data] pub struct T { name: String } } [T { name: text() }]
        { #[terrace::data] pub struct T { title: String } } [T { title: text() }]
    an_optional_field_is_renamed: SAFE;
        { #[terrace::data] pub struct T { note: Option<String> } } [T { note: Some(text()) }]
        { #[terrace::data] pub struct T { remark: Option<String> } } [T { remark: Some(text()) }]
    a_field_keeps_its_name_on_the_wire: SAME;
        { #[terrace::data] pub struct T { name: String } } [T { name: text() }]
        { #[terrace::data] pub struct T { #[serde(rename = "name")] title: String } } [T { title: text() }]
    fields_change_places: BY_NAME;
        { #[terrace::data] pub struct T { name: String, note: String } } [T { name: text(), note: text() }]
        { #[terrace::data] pub struct T { note: String, name: String } } [T { name: text(), note: text() }]
    a_type_is_renamed: SAME;
        { #[terrace::data] pub struct Cup { name: String } pub type T = Cup; } [T { name: text() }]
        { #[terrace::data] pub struct Mug { name: String } pub type T = Mug; } [T { name: text() }]
    a_field_becomes_optional: NEW_READS;
        { #[terrace::data] pub struct T { note: String } } [T { note: text() }]
        { #[terrace::data] pub struct T { note: Option<String> } } [T { note: None }]
    a_field_becomes_required: OLD_READS;
        { #[terrace::data] pub struct T { note: Option<String> } } [T { note: None }]
        { #[terrace::data] pub struct T { note: String } } [T { note: text() }]
    a_number_is_widened: NEW_READS;
        { pub type T = u32; } [u32::MAX]
        { pub type T = u64; } [u64::MAX]
    a_number_is_narrowed: OLD_READS;
        { pub type T = i64; } [i64::MIN]
        { pub type T = i16; } [i16::MIN]
    a_number_gets_a_sign_and_room: NEW_READS;
        { pub type T = u32; } [u32::MAX]
        { pub type T = i64; } [-1]
    a_number_gets_a_sign: BREAKING;
        { pub type T = u32; } [u32::MAX]
        { pub type T = i32; } [-1]
    a_number_loses_its_sign: BREAKING;
        { pub type T = i32; } [-1]
        { pub type T = u64; } [u64::MAX]
    a_number_becomes_text: BREAKING;
        { pub type T = u32; } [7]
        { pub type T = String; } [text()]
    a_number_becomes_a_fraction: BREAKING;
        { pub type T = String; } [text()]
        { pub type T = f64; } [0.5]
    a_switch_becomes_an_enum: BREAKING;
        { pub type T = bool; } [true]
        { #[terrace::data] pub enum T { On, Off } } [T::On, T::Off]
    one_becomes_several: BREAKING;
        { #[terrace::data] pub struct T { name: u32 } } [T { name: 1 }]
        { #[terrace::data] pub struct T { name: Vec<u32> } } [T { name: vec![1, 2] }]
    an_element_gets_an_optional_field: SAFE;
        { #[terrace::data] pub struct Item { name: String } pub type T = Vec<Item>; } [vec![Item { name: text() }]]
        { #[terrace::data] pub struct Item { name: String, note: Option<u8> }
        pub type T = Vec<Item>; } [vec![Item { name: text(), note: Some(1) }]]
    an_element_gets_a_required_field: OLD_READS;
        { #[terrace::data] pub struct Item { name: String } pub type T = Vec<Item>; } [vec![Item { name: text() }]]
        { #[terrace::data] pub struct Item { name: String, note: u8 }
        pub type T = Vec<Item>; } [vec![Item { name: text(), note: 1 }]]
    the_values_of_a_map_are_widened: NEW_READS;
        { pub type T = BTreeMap<String, u8>; } [BTreeMap::from([(text(), 1)])]
        { pub type T = BTreeMap<String, u16>; } [BTreeMap::from([(text(), u16::MAX)])]
    the_keys_of_a_map_become_numbers: BREAKING;
        { pub type T = BTreeMap<String, u8>; } [BTreeMap::from([(text(), 1)])]
        { pub type T = BTreeMap<u32, u8>; } [BTreeMap::from([(1, 1)])]
    a_tuple_gets_longer: BREAKING;
        { pub type T = (u8, String); } [(1, text())]
        { pub type T = (u8, String, bool); } [(1, text(), true)]
    an_array_gets_longer: BREAKING;
        { pub type T = [u8; 2]; } [[1, 2]]
        { pub type T = [u8; 3]; } [[1, 2, 3]]
    a_list_becomes_a_set: SAME;
        { pub type T = Vec<u8>; } [vec![1, 2]]
        { pub type T = BTreeSet<u8>; } [BTreeSet::from([1, 2])]
    a_value_gets_a_type_of_its_own: BY_NAME;
        { pub type T = String; } [text()]
        { #[terrace::data] pub struct T(String); } [T(text())]
    a_value_becomes_a_struct: BREAKING;
        { pub type T = String; } [text()]
        { #[terrace::data] pub struct T { name: String } } [T { name: text() }]
    a_struct_without_data_gets_a_field: BREAKING;
        { #[terrace::data] pub struct T; } [T]
        { #[terrace::data] pub struct T { note: Option<String> } } [T { note: Some(text()) }]
    a_case_is_added: NEW_READS;
        { #[terrace::data] pub enum T { Open } } [T::Open]
        { #[terrace::data] pub enum T { Open, Done } } [T::Open, T::Done]
    a_case_with_data_is_added: NEW_READS;
        { #[terrace::data] pub enum T { Open } } [T::Open]
        { #[terrace::data] pub enum T { Open, Due(u64) } } [T::Open, T::Due(1)]
    a_case_is_removed: OLD_READS;
        { #[terrace::data] pub enum T { Open, Done } } [T::Open, T::Done]
        { #[terrace::data] pub enum T { Open } } [T::Open]
    a_case_is_renamed: BREAKING;
        { #[terrace::data] pub enum T { Open, Done } } [T::Open, T::Done]
        { #[terrace::data] pub enum T { Open, Over } } [T::Open, T::Over]
    cases_change_places: BY_NAME;
        { #[terrace::data] pub enum T { Open, Done } } [T::Open, T::Done]
        { #[terrace::data] pub enum T { Done, Open } } [T::Open, T::Done]
    a_case_is_added_beside_an_other: SAFE;
        { #[terrace::data] pub enum T { Open, #[other] Else } } [T::Open, T::Else]
        { #[terrace::data] pub enum T { Open, Done, #[other] Else } } [T::Open, T::Done, T::Else]
    cases_with_data_are_added_beside_an_other: SAFE;
        { #[terrace::data] pub struct Item { state: State, name: String }
        #[terrace::data] pub enum State { Open, #[other] Else }
        pub type T = Vec<Item>; } [vec![Item { state: State::Open, name: text() }]]
        { #[terrace::data] pub struct Item { state: State, name: String }
        #[terrace::data] pub enum State { Open, Due(Vec<u64>), Held { by: String }, Both(u8, u8), #[other] Else }
        pub type T = Vec<Item>; } [
            [State::Due(vec![1, 2]), State::Held { by: text() }, State::Both(1, 2), State::Else]
                .map(|state| Item { state, name: text() })
                .to_vec()
        ]
    an_other_is_added: NEW_READS;
        { #[terrace::data] pub enum T { Open } } [T::Open]
        { #[terrace::data] pub enum T { Open, #[other] Else } } [T::Open, T::Else]
    a_case_is_removed_beside_an_other: SAFE;
        { #[terrace::data] pub enum T { Open, Done, #[other] Else } } [T::Open, T::Done, T::Else]
        { #[terrace::data] pub enum T { Open, #[other] Else } } [T::Open, T::Else]
    a_case_gets_data: BREAKING;
        { #[terrace::data] pub enum T { Open, Due } } [T::Due]
        { #[terrace::data] pub enum T { Open, Due(u64) } } [T::Due(1)]
    a_case_gets_an_optional_field: SAFE;
        { #[terrace::data] pub enum T { Held { by: String } } } [T::Held { by: text() }]
        { #[terrace::data] pub enum T { Held { by: String, at: Option<u64> } } } [T::Held { by: text(), at: Some(1) }]
    a_case_gets_a_required_field: OLD_READS;
        { #[terrace::data] pub enum T { Held { by: String } } } [T::Held { by: text() }]
        { #[terrace::data] pub enum T { Held { by: String, at: u64 } } } [T::Held { by: text(), at: 1 }]
    a_closed_struct_gets_an_optional_field: NEW_READS;
        { #[terrace::data] #[serde(deny_unknown_fields)] pub struct T { name: String } } [T { name: text() }]
        { #[terrace::data] #[serde(deny_unknown_fields)]
        pub struct T { name: String, note: Option<u8> } } [T { name: text(), note: Some(1) }]
    a_closed_struct_loses_an_optional_field: OLD_READS;
        { #[terrace::data] #[serde(deny_unknown_fields)]
        pub struct T { name: String, note: Option<u8> } } [T { name: text(), note: Some(1) }]
        { #[terrace::data] #[serde(deny_unknown_fields)] pub struct T { name: String } } [T { name: text() }]
    a_struct_becomes_closed: SAME;
        { #[terrace::data] pub struct T { name: String } } [T { name: text() }]
        { #[terrace::data] #[serde(deny_unknown_fields)] pub struct T { name: String } } [T { name: text() }]
    a_recursive_type_gets_an_optional_field: SAFE;
        { #[terrace::data] pub struct T { next: Option<Box<T>> } } [T { next: Some(Box::new(T { next: None })) }]
        { #[terrace::data] pub struct T { next: Option<Box<T>>, note: Option<u8> } } [
            T { next: Some(Box::new(T { next: None, note: Some(1) })), note: None }
        ]
    what_is_optional_gets_a_required_field: OLD_READS;
        { #[terrace::data] pub struct Item { name: String }
        #[terrace::data] pub struct T { item: Option<Item> } } [T { item: Some(Item { name: text() }) }]
        { #[terrace::data] pub struct Item { name: String, note: u8 }
        #[terrace::data] pub struct T { item: Option<Item> } } [T { item: Some(Item { name: text(), note: 1 }) }]
    a_value_is_boxed: SAME;
        { #[terrace::data] pub struct T { count: u32 } } [T { count: 1 }]
        { #[terrace::data] pub struct T { count: Box<u32> } } [T { count: Box::new(1) }]
    a_number_becomes_bytes: BREAKING;
        { #[terrace::data] pub struct T { name: u64 } } [T { name: 1 }]
        { #[terrace::data] pub struct T { name: bytes::Bytes } } [T { name: bytes::Bytes::from_static(b"\xff\x00") }]
    a_number_is_widened_to_128_bits: NEW_READS;
        { pub type T = u64; } [u64::MAX]
        { pub type T = u128; } [u128::MAX]
}
