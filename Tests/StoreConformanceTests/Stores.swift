import Persistence
import StoreConformance

extension StoreUnderTest {
    /// Every store there is; a new one is tested by adding a line.
    static let all = [memory]
}
