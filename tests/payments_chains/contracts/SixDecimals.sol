// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

import "@openzeppelin/contracts/token/ERC20/ERC20.sol";

contract SixDecimals is ERC20 {
    constructor() ERC20("Test Dollar", "USDC") {
        _mint(msg.sender, 10 ** 18);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
