// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

import "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// Pays many at once, as exchanges do; and in ether, which no log tells of.
contract Splitter {
    function pay(IERC20 token, address[] calldata to, uint256[] calldata amounts) external {
        for (uint256 i = 0; i < to.length; i++) {
            token.transferFrom(msg.sender, to[i], amounts[i]);
        }
    }

    function payEther(address payable to) external payable {
        to.transfer(msg.value);
    }
}
