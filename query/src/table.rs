//! One ledger as a table: sealed segments and hot tail of one snapshot, each row in exactly one of them.
//!
//! ```text
//! Projection (position, order of columns)
//!   Union
//!     Content (joins content columns by seq, only if one is asked for)
//!       Parquet scan of the facts files, newest first
//!     Tail (blocks of durable rows that no segment holds yet)
//! ```
//!
//! The pieces stand in `table/`; this file joins them into DataFusion's `TableProvider`.

mod content;
mod content_reader;
mod facts;
mod files;
mod layout;
mod position;
mod projected;
mod prune;
mod shape;
mod statistics;
mod tail;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, internal_err};
use datafusion::datasource::TableType;
use datafusion::error::Result;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, col};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use ledger::Snapshot;

pub(crate) use files::ReaderFactory;
pub(crate) use layout::{Layout, Origin};
pub(crate) use projected::{ProjectedTable, Projections, projected_batch, projected_schema};
pub(crate) use shape::Shape;

use content::ContentExec;
use tail::TailExec;

/// The content columns that a query reads, as `events.command`: filled while its plan is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct ContentUse(Arc<Mutex<BTreeSet<String>>>);

impl ContentUse {
    fn add(&self, table: &str, column: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{table}.{column}"));
    }

    /// The columns so far, sorted.
    pub(crate) fn columns(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// A ledger at one moment, for one principal.
pub(crate) struct LedgerTable {
    layout: Layout,
    /// Absent if the statement does not name the table: then only its columns are asked for.
    snapshot: Option<Arc<Snapshot>>,
    content_use: ContentUse,
    readers: ReaderFactory,
}

impl LedgerTable {
    pub(crate) fn new(
        layout: Layout,
        snapshot: Option<Arc<Snapshot>>,
        content_use: ContentUse,
        readers: ReaderFactory,
    ) -> Self {
        Self { layout, snapshot, content_use, readers }
    }

    /// Both sides with the columns that `shape` needs, before the projection that puts them in order.
    fn sides(
        &self,
        state: &dyn Session,
        shape: &Shape,
        filters: &Filters,
        limit: Option<usize>,
    ) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
        let Some(snapshot) = &self.snapshot else {
            return internal_err!("{} is read by a statement that does not name it", self.layout.name());
        };
        let mut sides: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        let segments = prune::segments(&snapshot.segments, filters.pruning.as_ref(), &self.layout)?;
        if !segments.is_empty() {
            let facts =
                facts::scan(state, &self.layout, &segments, shape, filters.position.clone(), limit, &self.readers)?;
            sides.push(if shape.content.is_empty() {
                facts
            } else {
                Arc::new(ContentExec::new(facts, &segments, shape.content_fields(&self.layout), self.readers.clone())?)
            });
        }
        if !snapshot.tail.is_empty() {
            let partitions = state.config().target_partitions();
            let tail = TailExec::new(
                &snapshot.tail,
                shape.stored_indices(&self.layout),
                shape.side_schema(&self.layout),
                partitions,
            );
            sides.push(Arc::new(tail.with_predicate(filters.position.clone()).with_limit(limit)));
        }
        Ok(sides)
    }
}

/// A query's filters as expressions over columns.
struct Filters {
    /// All of them, over the whole table: for pruning segments.
    pruning: Option<Arc<dyn PhysicalExpr>>,
    /// What equality on `position` says about `shard` and `seq`, over one side: nothing else tells the scan.
    position: Option<Arc<dyn PhysicalExpr>>,
}

impl Filters {
    fn new(state: &dyn Session, layout: &Layout, side: &Schema, filters: &[Expr]) -> Result<Self> {
        let physical = |exprs: Vec<Expr>, schema: &Schema| -> Result<Option<Arc<dyn PhysicalExpr>>> {
            let schema = DFSchema::try_from(schema.clone())?;
            conjunction(exprs).map(|expr| state.create_physical_expr(expr, &schema)).transpose()
        };
        // A filter arrives with the name of the table or of its alias, which the schemas here do not know.
        let filters: Vec<Expr> = filters.iter().map(|expr| prune::unqualified(expr.clone())).collect::<Result<_>>()?;
        let rewritten: Vec<Expr> =
            filters.iter().map(|expr| position::rewrite(expr.clone(), layout)).collect::<Result<_>>()?;
        let position =
            filters.iter().zip(&rewritten).filter(|(before, after)| before != after && !position::mentioned(after));
        let position = physical(position.map(|(_, after)| after.clone()).collect(), side)?;
        let pruning =
            physical(rewritten.into_iter().filter(|expr| !position::mentioned(expr)).collect(), layout.schema())?;
        Ok(Self { pruning, position })
    }
}

#[async_trait]
impl TableProvider for LedgerTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.layout.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Pruning leaves rows in that do not match, so the engine filters again.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let every: Vec<usize> = (0..self.layout.schema().fields().len()).collect();
        let wanted: &[usize] = projection.map_or(&every, Vec::as_slice);
        let shape = Shape::new(&self.layout, wanted, filters);
        for name in shape.content_names(&self.layout) {
            self.content_use.add(self.layout.name(), name);
        }
        let filters = Filters::new(state, &self.layout, &shape.side_schema(&self.layout), filters)?;
        let mut sides = self.sides(state, &shape, &filters, limit)?;
        let side = match sides.len() {
            0 => return Ok(Arc::new(EmptyExec::new(Arc::new(self.layout.schema().project(wanted)?)))),
            1 => sides.remove(0),
            _ => UnionExec::try_new(sides)?,
        };
        put_in_order(state, &self.layout, side, wanted)
    }
}

/// Puts the columns of a side into the order that was asked for, and makes `position`.
fn put_in_order(
    state: &dyn Session,
    layout: &Layout,
    side: Arc<dyn ExecutionPlan>,
    wanted: &[usize],
) -> Result<Arc<dyn ExecutionPlan>> {
    let names: Vec<&String> = wanted.iter().map(|&index| layout.schema().field(index).name()).collect();
    if side.schema().fields().iter().map(|field| field.name()).eq(names.iter().copied()) {
        return Ok(side);
    }
    let schema = DFSchema::try_from(side.schema().as_ref().clone())?;
    let mut columns = Vec::with_capacity(wanted.len());
    for (&index, name) in wanted.iter().zip(names) {
        let expr = match layout.origin(index) {
            Origin::Position => position::expression(layout.ledger()),
            Origin::Facts(_) | Origin::Content => col(datafusion::common::Column::from_name(name)),
        };
        columns.push((state.create_physical_expr(expr, &schema)?, name.clone()));
    }
    Ok(Arc::new(ProjectionExec::try_new(columns, side)?))
}

impl fmt::Debug for LedgerTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerTable").field("name", &self.layout.name()).finish_non_exhaustive()
    }
}
