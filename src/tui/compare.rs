//! What changed between two texts, line by line.

/// Lines marked `-` (gone), `+` (new) or ` ` (the same), by the longest common subsequence.
pub fn compare(old: &[String], new: &[String]) -> Vec<(char, String)> {
    let same_start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[same_start..], &new[same_start..]);
    let same_end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_middle, new_middle) = (&old_rest[..old_rest.len() - same_end], &new_rest[..new_rest.len() - same_end]);

    let mark = |mark: char| move |line: &String| (mark, line.clone());
    let mut out: Vec<(char, String)> = new[..same_start].iter().map(mark(' ')).collect();
    // Beyond this the table would be large, and a person sees "all gone, all new" as quickly.
    if old_middle.len().saturating_mul(new_middle.len()) > 1_000_000 {
        out.extend(old_middle.iter().map(mark('-')));
        out.extend(new_middle.iter().map(mark('+')));
    } else {
        let columns = new_middle.len() + 1;
        let mut longest = vec![0u32; (old_middle.len() + 1) * columns];
        for i in (0..old_middle.len()).rev() {
            for j in (0..new_middle.len()).rev() {
                longest[i * columns + j] = if old_middle[i] == new_middle[j] {
                    longest[(i + 1) * columns + j + 1] + 1
                } else {
                    longest[(i + 1) * columns + j].max(longest[i * columns + j + 1])
                };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < old_middle.len() || j < new_middle.len() {
            if i < old_middle.len() && j < new_middle.len() && old_middle[i] == new_middle[j] {
                out.push((' ', new_middle[j].clone()));
                (i, j) = (i + 1, j + 1);
            } else if j == new_middle.len()
                || (i < old_middle.len() && longest[(i + 1) * columns + j] >= longest[i * columns + j + 1])
            {
                out.push(('-', old_middle[i].clone()));
                i += 1;
            } else {
                out.push(('+', new_middle[j].clone()));
                j += 1;
            }
        }
    }
    out.extend(new_rest[new_rest.len() - same_end..].iter().map(mark(' ')));
    out
}
