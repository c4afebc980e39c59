//! Functions of SQL for what agents have: `inventory_items(rows)` and `inventory_changes(rows)` make lists of the rows of one place, which
//! the views gather. How sessions are compared is in [`fold`].

mod fold;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StringArray, StructArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Fields, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::views::{Cell, Form};
use fold::{Change, Held, Inventory, Row, inventory};

/// Both functions.
pub(crate) fn functions() -> [ScalarUDF; 2] {
    [Answer::Items, Answer::Changes].map(|answer| {
        ScalarUDF::new_from_impl(Function { answer, signature: Signature::any(1, Volatility::Immutable) })
    })
}

/// The fields of the rows that the functions take, texts but for the time.
const FIELDS: [&str; 8] = ["kind", "position", "session", "agent_kind", "action", "target", "state", "time"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    Items,
    Changes,
}

type Column<T> = (&'static str, Form, for<'a> fn(&'a T) -> Cell<'a>);

fn items<'a>() -> [Column<Held<'a>>; 11] {
    [
        ("agent_kind", Form::Text, |held| Cell::text_if(held.thing.agent_kind)),
        ("item", Form::Text, |held| Cell::text(held.thing.item.word())),
        ("name", Form::Text, |held| Cell::text(held.thing.name)),
        ("state", Form::Text, |held| Cell::text_if(held.state.as_deref())),
        ("is_there", Form::Flag, |held| Cell::Flag(Some(held.is_there))),
        ("first_seen", Form::Time, |held| Cell::Integer(Some(held.first_seen))),
        ("last_seen", Form::Time, |held| Cell::Integer(Some(held.last_seen))),
        ("sessions", Form::Integer, |held| Cell::Integer(Some(held.sessions))),
        ("changes", Form::Integer, |held| Cell::Integer(Some(held.changes))),
        ("changed", Form::Time, |held| Cell::Integer(held.changed)),
        ("position", Form::Text, |held| Cell::text(held.position)),
    ]
}

fn changes<'a>() -> [Column<Change<'a>>; 14] {
    [
        ("time", Form::Time, |change| Cell::Integer(Some(change.time))),
        ("agent_kind", Form::Text, |change| Cell::text_if(change.thing.agent_kind)),
        ("item", Form::Text, |change| Cell::text(change.thing.item.word())),
        ("name", Form::Text, |change| Cell::text(change.thing.name)),
        ("change", Form::Text, |change| Cell::text(change.drift.word())),
        ("before", Form::Text, |change| Cell::text_if(change.before.as_deref())),
        ("after", Form::Text, |change| Cell::text_if(change.after.as_deref())),
        ("session", Form::Text, |change| Cell::text_if(change.session)),
        ("position", Form::Text, |change| Cell::text(change.position)),
        ("unchanged", Form::Time, |change| Cell::Integer(change.unchanged)),
        ("cause", Form::Text, |change| Cell::text_if(change.cause.map(|cause| cause.position))),
        ("cause_kind", Form::Text, |change| Cell::text_if(change.cause.map(|cause| cause.kind))),
        ("cause_time", Form::Time, |change| Cell::Integer(change.cause.map(|cause| cause.time))),
        ("cause_session", Form::Text, |change| Cell::text_if(change.cause.and_then(|cause| cause.session))),
    ]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    answer: Answer,
    signature: Signature,
}

impl Function {
    fn fields(&self) -> Fields {
        let field = |name: &str, form: Form| Field::new(name, form.data_type(), true);
        match self.answer {
            Answer::Items => items().iter().map(|(name, form, _)| field(name, *form)).collect(),
            Answer::Changes => changes().iter().map(|(name, form, _)| field(name, *form)).collect(),
        }
    }

    fn columns<'a>(&self, places: &'a [Inventory<'a>]) -> (Vec<usize>, Vec<ArrayRef>) {
        match self.answer {
            Answer::Items => columns(places, |place| &place.held, &items()),
            Answer::Changes => columns(places, |place| &place.changes, &changes()),
        }
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &'static str {
        match self.answer {
            Answer::Items => "inventory_items",
            Answer::Changes => "inventory_changes",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Struct(self.fields()), true))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [rows] = args.args.as_slice() else { return exec_err!("{} takes one list of rows", self.name()) };
        let places = rows.to_array(args.number_rows)?;
        let Some(places) = places.as_list_opt::<i32>() else {
            return exec_err!("{} takes a list of rows", self.name());
        };
        let told = Told::of(places.values(), self.name())?;
        let inventories: Vec<Inventory> = places
            .offsets()
            .windows(2)
            .map(|range| inventory(&(range[0]..range[1]).map(|row| told.row(row as usize)).collect::<Vec<_>>()))
            .collect();
        let (lengths, columns) = self.columns(&inventories);
        let fields = self.fields();
        let items = StructArray::try_new(fields.clone(), columns, None)?;
        let item = Arc::new(Field::new_list_field(DataType::Struct(fields), true));
        let lists = ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), Arc::new(items), None)?;
        Ok(ColumnarValue::Array(Arc::new(lists)))
    }
}

/// How many things each place has, and their columns.
fn columns<'a, T: 'a>(
    places: &'a [Inventory<'a>],
    of: impl Fn(&'a Inventory<'a>) -> &'a Vec<T>,
    columns: &[Column<T>],
) -> (Vec<usize>, Vec<ArrayRef>) {
    let lengths = places.iter().map(|place| of(place).len()).collect();
    let column = |(_, form, read): &Column<T>| form.column(places.iter().flat_map(&of).map(|thing| read(thing)));
    (lengths, columns.iter().map(column).collect())
}

/// The rows of all places.
struct Told {
    texts: Vec<StringArray>,
    times: Int64Array,
}

impl Told {
    fn of(rows: &ArrayRef, function: &str) -> Result<Self> {
        let column = |name: &str, kind: &DataType| {
            let column = rows.as_struct_opt().and_then(|rows| rows.column_by_name(name));
            let Some(column) = column else {
                return exec_err!("{function} takes a list of structs, and its field {name} is missing");
            };
            Ok(cast(column, kind)?)
        };
        let (names, time) = (&FIELDS[..FIELDS.len() - 1], FIELDS[FIELDS.len() - 1]);
        let texts = names.iter().map(|name| Ok(column(name, &DataType::Utf8)?.as_string::<i32>().clone()));
        Ok(Self {
            texts: texts.collect::<Result<_>>()?,
            times: column(time, &DataType::Int64)?.as_primitive::<Int64Type>().clone(),
        })
    }

    fn row(&self, row: usize) -> Row<'_> {
        let text =
            |column: usize| self.texts.get(column).filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row));
        Row {
            kind: text(0).unwrap_or_default(),
            position: text(1).unwrap_or_default(),
            session: text(2),
            agent_kind: text(3),
            action: text(4),
            target: text(5),
            state: text(6),
            time: if self.times.is_valid(row) { self.times.value(row) } else { i64::MIN },
        }
    }
}
