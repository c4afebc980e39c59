//! scratch
use effects::{command::Line, text};
fn main() {
    for l in std::io::stdin().lines() {
        let l = l.unwrap();
        println!("{l}");
        if let Some(t) = l.strip_prefix("TEXT ") {
            let h = text::heard(&t.replace("\\n", "\n"));
            println!(
                "   {:?} {:?} {:?}",
                h.signs.iter().map(|s| s.word()).collect::<Vec<_>>(),
                h.requests,
                h.names.iter().map(|n| format!("{:?} {}", n.kind, n.text)).collect::<Vec<_>>()
            );
            continue;
        }
        if let Some(t) = l.strip_prefix("CALL ") {
            let (a, b) = t.split_once(' ').unwrap();
            for e in effects::call::effects(a, b) {
                println!("   {:?}", e);
            }
            continue;
        }
        let line = Line::read(&l.replace("\\n", "\n"));
        for c in &line.commands {
            println!("   cmd {:?}", c.words);
        }
        for e in line.effects() {
            println!("   {:?}", e);
        }
    }
}
