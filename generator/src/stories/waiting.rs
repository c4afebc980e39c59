//! An agent asks for a permission, and nobody answers.

use crate::records::Teller;
use crate::rhythm::SECOND;
use crate::stories::Story;
use crate::wire::Label;

pub fn tell(teller: &mut Teller<'_>) {
    let step = |step| Label { story: Story::Waiting, step };
    teller.step(step("the task begins"));
    teller.start(0);
    teller.prompt(SECOND / 5, "Split the ledger table, PAY-2302. Ask me before you touch the database.");
    teller.model(SECOND / 2);
    teller.read(4 * SECOND, "migrations/0042_split.sql", "ALTER TABLE ledger RENAME TO ledger_entries;\n");
    teller.model(5 * SECOND);
    teller.step(step("asks to run a migration; nobody answers"));
    teller.ask(9 * SECOND, "sqlx migrate run --target 0042");
}
