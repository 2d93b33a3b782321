export interface PageBounds {
  /** entries of the page at most */
  limit: number
  /** bytes of the entries in JSON at most; a page has at least one entry all the same */
  maxBytes: number
}

export interface Page<Item> {
  items: Item[]
  /** in JSON, at most */
  bytes: number
  /** whether there are more in the direction of reading */
  hasMore: boolean
}
