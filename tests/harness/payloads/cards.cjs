// Has Microsoft's own `adaptivecards` read every card that Teams gets, as a client of version 1.4 does, and has it refuse cards that are
// wrong. Nothing goes to the network. Called by `make payloads` with the folder of the package and the file of the payloads.

const fs = require("fs");
const path = require("path");

const [folder, file] = process.argv.slice(2);
const library = path.join(folder, "node_modules", "adaptivecards");
const { AdaptiveCard, SerializationContext, Versions } = require(path.join(library, "dist", "adaptivecards.js"));
const { version } = require(path.join(library, "package.json"));

// What the library has against a card.
function problems(content) {
  const [card, context, found] = [new AdaptiveCard(), new SerializationContext(Versions.v1_4), []];
  card.parse(content, context);
  for (let at = 0; at < context.eventCount; at++) found.push(context.getEventAt(at).message);
  return found.concat(card.validateProperties().validationEvents.map((event) => event.message));
}

const cards = fs.readFileSync(file, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line).attachments[0].content);
for (const card of cards) {
  const found = problems(card);
  if (found.length > 0) {
    console.error(found.join("\n"), JSON.stringify(card).slice(0, 2000));
    process.exit(1);
  }
}
const wrong = [
  { ...cards[0], body: [{ type: "RichTextBlok" }] },
  { ...cards[0], version: "one" },
  { ...cards[0], body: [{ ...cards[0].body[0], style: "loud" }] },
];
if (wrong.some((card) => problems(card).length === 0)) {
  console.error("a card that is wrong is taken");
  process.exit(1);
}
console.log(`adaptivecards ${version}: ${cards.length} cards are read as they are, and ${wrong.length} wrong ones are refused`);
