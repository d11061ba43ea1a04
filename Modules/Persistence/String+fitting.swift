extension String {
    /// As many characters from the front as fit a limit, and 20 bytes of UTF-8 for each, since one character can carry
    /// any number of accents.
    func fitting(_ limit: Int) -> String {
        if utf8.count <= limit { return self }
        var fitting = prefix(limit)
        while fitting.utf8.count > limit * 20 { fitting.removeLast() }
        return String(fitting)
    }
}
