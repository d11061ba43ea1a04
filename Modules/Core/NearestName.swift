/// The name that was probably meant.
///
/// - Returns: the one of `known` that is fewest edits away (insert, remove, replace, swap neighbours), when those are
///   at most a third of the length; letter case and `-` for `_` cost nothing. The first of equals.
package func nearest(to name: String, among known: some Sequence<String>) -> String? {
    let wanted = folded(name)
    let limit = wanted.count / 3
    var best: (distance: Int, name: String)?
    for candidate in known {
        let letters = folded(candidate)
        guard abs(letters.count - wanted.count) <= limit else { continue }
        let distance = edits(from: wanted, to: letters)
        if distance <= limit, distance < best?.distance ?? .max { best = (distance, candidate) }
    }
    return best?.name
}

private func folded(_ name: String) -> [UInt8] {
    name.utf8.prefix(256).map { byte in
        switch byte {
        case 0x41...0x5A: byte + 0x20
        case 0x2D: 0x5F
        default: byte
        }
    }
}

/// Optimal string alignment distance, three rows at a time.
private func edits(from source: [UInt8], to target: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...target.count)
    for (i, letter) in source.enumerated() {
        var row = [i + 1]
        for (j, other) in target.enumerated() {
            var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (letter == other ? 0 : 1))
            if i > 0, j > 0, letter == target[j - 1], source[i - 1] == other {
                cost = min(cost, beforeLast[j - 1] + 1)
            }
            row.append(cost)
        }
        (beforeLast, last) = (last, row)
    }
    return last[target.count]
}
