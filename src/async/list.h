// A doubly linked list whose nodes live in their owners. A node that dies leaves its list, so nothing ever points to
// a destroyed coroutine.
#pragma once

namespace sluice::async {

class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool linked() const { return next_ != this; }
  void unlink() {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = this;
  }
  void link_before(ListNode& other) {
    unlink();
    prev_ = other.prev_;
    next_ = &other;
    prev_->next_ = this;
    other.prev_ = this;
  }
  ListNode* next() const { return next_; }

 private:
  ListNode* prev_ = this;
  ListNode* next_ = this;
};

// T derives from Node, and Node from ListNode: a T that stands in several lists derives from several node types.
template <class T, class Node = ListNode>
class List {
 public:
  bool empty() const { return !head_.linked(); }
  void push_back(Node& node) { node.link_before(head_); }
  T* front() { return empty() ? nullptr : static_cast<T*>(static_cast<Node*>(head_.next())); }
  // The one behind `item`, null at the end. `item` stands in this list.
  T* after(Node& item) { return item.next() == &head_ ? nullptr : static_cast<T*>(static_cast<Node*>(item.next())); }
  T* pop_front() {
    T* first = front();
    if (first) static_cast<Node*>(first)->unlink();
    return first;
  }
  void move_to(List& other) {
    while (T* item = pop_front()) other.push_back(*item);
  }

 private:
  ListNode head_;
};

}  // namespace sluice::async
